/* A scratch folder with a SoftHSM2 token's surroundings and a configuration, for the signer's
 * tests. */
#ifndef TESTS_UNIT_SIGNER_PLACE_H
#define TESTS_UNIT_SIGNER_PLACE_H

#include "lib/cert.h"
#include "lib/conf.h"

struct place {
    char dir[40];
    char conf_path[64];
    struct conf *conf;
};

/* Folders, softhsm2.conf (and SOFTHSM2_CONF), PINs (user 123456, SO 654321) and
 * cerca.conf with one token "default" behind `module` (NULL: SoftHSM2) and the issuers given in
 * libconfig text; the profile tls-server is of "issuing", else of "one". `more` is put into the
 * token's group. */
struct place *place_new(const char *module, const char *more, const char *issuers);
/* Another configuration there, which is then the one that is loaded. */
void place_configure(struct place *p, const char *module, const char *more, const char *issuers);
void place_free(struct place *p);
/* A path in the folder, in one of four buffers. */
const char *place_path(const struct place *p, const char *name);
void place_write(const struct place *p, const char *name, const char *text);

/* A root "root" (P-256, signs CAs) and below it "issuing" (P-256, signs leaves). */
extern const char place_two_issuers[];
/* One issuer "one" that is its own parent and signs leaves. */
void place_one_issuer(struct buf *out, const char *key_type, const char *alg);

/* A leaf draft that `issuer` may sign, for a new P-256 key; change what the test wants changed. */
struct draft {
    struct tbs_spec spec;
    struct buf issuer, subject, spki, tbs;
    struct san_list sans;
};
void draft_init(struct draft *d, const struct conf_issuer *issuer, const uint8_t authority[20]);
struct slice draft_tbs(struct draft *d);
void draft_free(struct draft *d);
/* SubjectPublicKeyInfo of a new P-256 key. */
void new_spki(struct buf *out);

#endif
