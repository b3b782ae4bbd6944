/*
 * Certificates out of files and folders, whatever form they have. Every octet is taken for hostile:
 * what is read is bounded, in memory and in work, whatever the size of a file. Keys are passed
 * over: never decrypted, never kept, never sent.
 *
 *   importfile.c   one file: PEM, DER, PKCS#7, PKCS#12, manifests
 *   importp12.c    PKCS#12
 *   importkube.c   manifests of Kubernetes
 *   importtree.c   a folder
 */
#ifndef CLIENT_IMPORT_H
#define CLIENT_IMPORT_H

#include "lib/buf.h"
#include "lib/fault.h"
#include "lib/proto_import.h"

#define IMPORT_BLOCK_MAX ((size_t)4 << 20) /* octets of one PEM block with its BEGIN and END */
#define IMPORT_FILE_MAX ((size_t)16 << 20) /* of a file in DER, or a manifest */
#define IMPORT_DEPTH_MAX 64                /* folders within folders */
#define IMPORT_PATH_MAX 8192               /* octets of a path */
#define IMPORT_P12_ITERATIONS 10000000     /* of all that is derived from a password for one file */

/* Where something was found, as people are told. */
struct import_place {
    const char *file;
    uint64_t line; /* from 1; 0: the file as a whole */
};

/* What becomes of what is found. A result other than 0 ends the import. */
struct import_sink {
    void *arg;
    /* One that looks like a certificate. */
    int (*certificate)(void *arg, const struct import_place *at, struct slice der,
                       const struct import_status *status);
    /* Something that should have been one, and why it is not taken. */
    int (*refused)(void *arg, const struct import_place *at, const struct fault *f);
    /* A file with no certificate in it, and what it has instead; nothing is wrong with that. */
    int (*skipped)(void *arg, const char *file, const char *why);
};

struct import_reader {
    struct import_sink sink;
    const char *password_file; /* of PKCS#12; NULL: asked for, once a file */
    bool unattended;           /* nobody is asked: "p12.password" */
};

/* Reads `fd`, which stays the caller's, from its start. `named`: the operator named this file, so
 * it should have a certificate in it; else it was found in a folder. `status` is for every
 * certificate in it. What is wrong with the file goes to the sink: the result is the sink's. */
int import_file(struct import_reader *r, int fd, const char *name, bool named,
                const struct import_status *status) WARN_UNUSED;

/* The certificates in a PKCS#12 file; with the password where it is needed. `each` gets DER;
 * its result other than 0 ends it and is returned. Faults: "p12.der", "p12.iterations",
 * "p12.password", "p12.algorithm", and those of asking for a password. */
typedef int (*import_each)(void *arg, struct slice der, struct fault *f);
int import_p12(const struct import_reader *r, struct slice file, const char *name, import_each each,
               void *arg, struct fault *f) WARN_UNUSED;

/* The certificates in Secrets of Kubernetes manifests, in YAML or JSON: tls.crt of `data` or
 * `stringData`, in lists too. Each goes to `certificate`; what is wrong with one to `refused`; with
 * at->line set before. Their results other than 0 end it and are returned with no fault set. What
 * is wrong with the text is a fault, "import.manifest", at->line; what came before is told by then.
 * tls.key is passed over. The parser's values and windows are wiped; what libyaml gave back to the
 * allocator while one of its strings grew is not within reach. */
struct import_kube {
    void *arg;
    struct import_place *at;
    int (*certificate)(void *arg, struct slice der);
    int (*refused)(void *arg, const struct fault *f);
};
int import_kube(const struct import_kube *to, struct slice text, struct fault *f) WARN_UNUSED;

/* What a walk may take; it counts down. Where it is over, that is a refusal, "import.budget", and
 * the walk ends well. */
struct import_budget {
    uint64_t files;    /* that are read */
    uint64_t octets;   /* of all those */
    uint64_t file_max; /* octets; larger ones are skipped */
    bool one_system;   /* other file systems below the folder are skipped */
    bool no_links;     /* likewise symbolic links: what is within is found where it is */
    bool over;
};

/* All files in a folder and the folders below, in no order; a symbolic link is followed to a
 * regular file within the folder, nowhere else. `pass` tells which files and folders, by their path
 * below the folder, are left out (NULL: none). */
struct import_tree {
    struct import_reader *reader;
    const char *name; /* of the folder, as the operator gave it */
    int root;         /* the folder */
    bool (*pass)(void *arg, const char *path, bool folder);
    void *arg;
    struct import_budget *budget; /* NULL: none */
};
int import_tree(const struct import_tree *t) WARN_UNUSED;

/* Loads what PKCS#12 of old programs needs, for who reads in a jail. */
void import_prepare(void);

#endif
