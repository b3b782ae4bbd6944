/*
 * `cerca import`: certificates that others issued, out of files, folders (client/import.h) and
 * whole CAs.
 *
 *   importca.c     the folder of another CA, its index read by importindex.c
 *   importsend.c   what was found on its way to cerca-ca, and its answers
 */
#ifndef TOOLS_IMPORT_H
#define TOOLS_IMPORT_H

#include "client/import.h"

/* The folder of another CA, when it is one: of openssl ca (index.txt, newcerts), or of easy-rsa
 * (index.txt, certs_by_serial, revoked; in it or below pki). *is_ca: it was. */
int import_ca(struct import_reader *r, int folder, const char *name, bool *is_ca) WARN_UNUSED;

#endif
