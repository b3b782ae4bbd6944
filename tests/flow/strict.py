"""What strict readers say of files that tests/flow/strict.t made.

reencode NAME...  pyasn1 and asn1crypto read NAME.der, NAME.ocsp and the CRLs, and write them again
believe NAME...   python3-cryptography verifies NAME.pem, and says its status by CRL and OCSP, if they agree
p12 FILE WORD     python3-cryptography opens it
"""
import sys
from collections import Counter

LISTS = ("full", "delta", "root")
counted = Counter()


def octets(path):
    with open(path, "rb") as f:
        return f.read()


def same(again, der, what):
    if again != der:
        sys.exit(f"{what}: other octets when written again")


def reencode(names):
    from asn1crypto import crl, ocsp, x509
    from pyasn1.codec.der import decoder, encoder
    from pyasn1.type import univ
    from pyasn1_modules import rfc5280, rfc6960

    types = rfc5280.certificateExtensionsMap
    # Not in that map: freshestCRL, and id-pkix-ocsp-nocheck (RFC 6960 4.2.2.2.1).
    more = {"2.5.29.46": rfc5280.FreshestCRL(), "1.3.6.1.5.5.7.48.1.5": univ.Null("")}

    def strict(der, spec, what):
        value, rest = decoder.decode(der, asn1Spec=spec)
        if rest:
            sys.exit(f"{what}: octets behind it")
        same(encoder.encode(value), der, what)
        return value

    def other(kind, der, what):
        value = kind.load(der, strict=True)
        value.native  # which reads every field
        same(value.dump(force=True), der, what)

    def extensions(found, what):
        for e in found:
            spec = types.get(e["extnID"], more.get(str(e["extnID"])))
            if spec is None:
                sys.exit(f"{what}: {e['extnID']} is no extension that these modules know")
            strict(bytes(e["extnValue"]), spec.clone(), f"{what}, {e['extnID']}")
            counted["extensions"] += 1

    def certificate(der, what):
        value = strict(der, rfc5280.Certificate(), what)
        extensions(value["tbsCertificate"]["extensions"], what)
        other(x509.Certificate, der, what)
        counted["certificates"] += 1

    for name in ["issuing", *names]:
        certificate(octets(f"{name}.der"), name)
    for name in LISTS:
        der = octets(f"{name}.crl")
        value = strict(der, rfc5280.CertificateList(), name)["tbsCertList"]
        extensions(value["crlExtensions"], name)
        for entry in value["revokedCertificates"]:
            extensions(entry["crlEntryExtensions"], name)
        other(crl.CertificateList, der, name)
        counted["lists"] += 1
    for name in names:
        der = octets(f"{name}.ocsp")
        value = strict(der, rfc6960.OCSPResponse(), name)
        inner = bytes(value["responseBytes"]["response"])
        basic = strict(inner, rfc6960.BasicOCSPResponse(), name)
        for c in basic["certs"]:
            certificate(encoder.encode(c), f"responder for {name}")
        other(ocsp.OCSPResponse, der, name)
        counted["answers"] += 1


def believe(names):
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509 import ocsp

    def load(name):
        c = x509.load_pem_x509_certificate(octets(f"{name}.pem"))
        list(c.extensions)
        return c

    def check(key, thing, tbs):
        key.verify(thing.signature, tbs, ec.ECDSA(thing.signature_hash_algorithm))

    issuing = load("issuing")
    key = issuing.public_key()
    check(load("root").public_key(), issuing, issuing.tbs_certificate_bytes)
    listed = x509.load_der_x509_crl(octets("full.crl"))
    if not listed.is_signature_valid(key):
        sys.exit("the CRL's signature is wrong")
    list(listed.extensions)
    for name in names:
        c = load(name)
        check(key, c, c.tbs_certificate_bytes)
        entry = listed.get_revoked_certificate_by_serial_number(c.serial_number)
        by_list = "good"
        if entry is not None:
            by_list = entry.extensions.get_extension_for_class(x509.CRLReason).value.reason.name
        answer = ocsp.load_der_ocsp_response(octets(f"{name}.ocsp"))
        responder = answer.certificates[0]
        check(key, responder, responder.tbs_certificate_bytes)
        check(responder.public_key(), answer, answer.tbs_response_bytes)
        answer.extensions.get_extension_for_class(x509.OCSPNonce)
        by_answer = "good"
        if answer.certificate_status == ocsp.OCSPCertStatus.REVOKED:
            by_answer = answer.revocation_reason.name
        elif answer.certificate_status != ocsp.OCSPCertStatus.GOOD:
            by_answer = "unknown"
        if answer.serial_number != c.serial_number or by_answer != by_list:
            sys.exit(f"{name}: {by_list} by the CRL, {by_answer} by OCSP")
        print(f"{name}={by_answer}")


def p12(path, word):
    from cryptography.hazmat.primitives.serialization import pkcs12

    key, c, chain = pkcs12.load_key_and_certificates(octets(path), word.encode())
    if key.public_key().public_numbers() != c.public_key().public_numbers() or len(chain) != 1:
        sys.exit("key, certificate and chain do not belong together")


if sys.argv[1] == "p12":
    p12(sys.argv[2], sys.argv[3])
else:
    {"reencode": reencode, "believe": believe}[sys.argv[1]](sys.argv[2:])
for what, n in counted.items():
    print(what, n)
