/*
 * The one table behind the configuration: what sections and keys there are, of
 * which type and range, with which default, check and help. The reader, the
 * effective values shown, the example file and the manual page's list all walk
 * it. Used by lib/conf*.c, and by programs that have files of their own in the same
 * syntax (agent/conf/).
 */
#ifndef LIB_CONF_SCHEMA_H
#define LIB_CONF_SCHEMA_H

#include <libconfig.h>

#include "lib/conf.h"

#define CONF_VALUE_MAX 4096 /* octets of one text in the file */

enum conf_type {
    CONF_TEXT,     /* char *, no control characters */
    CONF_PATH,     /* char *, made absolute; "" stays "" */
    CONF_BOOL,     /* bool */
    CONF_NUMBER,   /* unsigned */
    CONF_COUNT,    /* size_t */
    CONF_PORT,     /* uint16_t */
    CONF_PATH_LEN, /* int; "none" is -1 */
    CONF_SPAN,     /* int64_t, seconds; where the least is 0, "none" is 0 */
    CONF_SPAN_MS,  /* int64_t, milliseconds; written as a span */
    CONF_SIZE,     /* uint64_t, octets */
    CONF_WORD,     /* unsigned or an enum: one of `words` */
    CONF_BITS16,   /* uint16_t: set of `words` */
    CONF_BITS32,   /* uint32_t: set of `words` */
    CONF_TEXTS,    /* char ** and a count */
    CONF_PATHS,    /* char ** and a count, made absolute */
    CONF_ENV,      /* char ** and a count: NAME=VALUE, %d is the configuration's folder */
    CONF_ARGV,     /* char ** and a count: a command, items may be there twice */
    CONF_MODE,     /* unsigned: permissions, octal */
    CONF_UID,      /* uid_t */
    CONF_USER,     /* uid_t and a bool; "" is none */
    CONF_KEY_TYPE, /* enum key_type and unsigned bits */
    CONF_SIG_ALG,  /* enum sig_alg */
};

struct conf_word {
    const char *word;
    uint32_t value;
};

struct conf_key {
    const char *name;
    enum conf_type type;
    size_t at;     /* offset of the value in the section's struct */
    size_t at_too; /* of its count, flag or bits, where the type has one */
    uint64_t min;  /* range; for lists: of the number of items; both 0: none */
    uint64_t max;
    const struct conf_word *words;                        /* ended by a NULL word */
    const char *fallback;                                 /* default as text, lists with blanks */
    void (*derive)(const void *element, struct buf *out); /* ... or made of other keys */
    int (*check)(const char *text, struct fault *f);      /* one scalar or one item */
    const char *example; /* one a example entry, separated by '|'; NULL: the default is shown */
    const char *help;
};

/* lib/conf_words.c */
extern const struct conf_word conf_roles[];
extern const struct conf_word conf_key_usages[];
extern const struct conf_word conf_purposes[];
extern const struct conf_word conf_annotations[];
extern const struct conf_word conf_san_kinds[];  /* 1 << SAN_* */
extern const struct conf_word conf_attributes[]; /* 1 << ATTR_* */
void conf_print_words(const struct conf_word *words, uint32_t bits, struct buf *out);

/* A group `name = { ... };` over the root struct itself (struct conf), or a list of groups
 * `name = ( { ... }, ... );` over an array in it. The first key of an element is its name. */
struct conf_section {
    const char *name;
    const struct conf_key *keys;
    size_t n_keys;
    bool list;
    size_t size; /* of an element */
    size_t at;   /* offset of the array in the root */
    size_t at_n; /* ... and of its count */
    size_t max;  /* elements */
    unsigned examples;
    const char *help;
};

/* What one file may have in it. */
struct conf_table {
    const struct conf_section *const *section;
    size_t n;
};

extern const struct conf_section *const conf_sections[];
extern const size_t conf_sections_count;
extern const struct conf_table conf_table; /* of both: cerca.conf */

/* NULL when there is none of that name. */
const struct conf_section *conf_section(const char *name);
/* No default and no derivation: the file must say it. */
bool conf_key_required(const struct conf_key *k);
const char *conf_type_text(enum conf_type t); /* "span", "size", "path" ... */
bool conf_type_is_list(enum conf_type t);

/*
 * Values. `element` is struct conf or an element of one of its arrays. Texts
 * are copied; what was there before is freed. Faults say what is wrong with the
 * text, without the place.
 */
int conf_value_set(const struct conf_key *k, void *element, const char *dir, const char *text,
                   struct fault *f) WARN_UNUSED;
void conf_value_set_bool(const struct conf_key *k, void *element, bool v);
/* Adds one item to a value of a list type. */
int conf_value_add(const struct conf_key *k, void *element, const char *dir, const char *text,
                   struct fault *f) WARN_UNUSED;
/* Empties a value; frees what it owns. */
void conf_value_clear(const struct conf_key *k, void *element);
/* Empties a value in a shallow copy of an element: what it points to stays another's. */
void conf_value_forget(const struct conf_key *k, void *element);
/* The default, derived from the element's other values where the table says so. */
int conf_value_default(const struct conf_key *k, void *element, const char *dir,
                       struct fault *f) WARN_UNUSED;
/* As configuration text: "90d" quoted, true, ( "a", "b" ). */
void conf_value_print(const struct conf_key *k, const void *element, struct buf *out);
/* The same, lists in brackets. */
void conf_value_json(const struct conf_key *k, const void *element, struct buf *out);

/* Checks used by the table (lib/conf_syntax.c). */
int conf_check_name(const char *text, struct fault *f);
int conf_check_listen(const char *text, struct fault *f);
int conf_check_vkey(const char *text, struct fault *f); /* lib/note.h, or "" */
int conf_check_origin(const char *text, struct fault *f);
int conf_check_url(const char *text, struct fault *f);
int conf_check_base_url(const char *text, struct fault *f);
int conf_check_token_uri(const char *text, struct fault *f);
int conf_check_key_uri(const char *text, struct fault *f);
int conf_check_subject(const char *text, struct fault *f);
int conf_check_env(const char *text, struct fault *f);
int conf_check_dns(const char *text, struct fault *f);
int conf_check_cidr(const char *text, struct fault *f);
int conf_check_email(const char *text, struct fault *f);
int conf_check_uri_prefix(const char *text, struct fault *f);
int conf_check_subject_template(const char *text, struct fault *f);
int conf_check_fd(const char *text, struct fault *f);
int conf_check_key_type(const char *text, struct fault *f);
int conf_check_constraint(const char *text, struct fault *f);
int conf_check_limit(const char *text, struct fault *f);
int conf_check_credential(const char *text, struct fault *f);
int conf_check_device_name(const char *text, struct fault *f);
int conf_check_rename(const char *text, struct fault *f);
int conf_check_server_name(const char *text, struct fault *f);
int conf_check_percent(const char *text, struct fault *f); /* "25%" */
int conf_check_days(const char *text, struct fault *f);    /* a span */
int conf_check_daytime(const char *text, struct fault *f); /* "06:30", or "" */
int conf_check_owner(const char *text, struct fault *f);
int conf_check_day(const char *text, struct fault *f);     /* "2027-01-31" */
int conf_check_address(const char *text, struct fault *f); /* of mail */
int conf_check_rule(const char *text, struct fault *f);
int conf_check_sha256(const char *text, struct fault *f); /* 64 digits, or "" */

/* One reading of a file. `file` lives as long as the checks, for their line numbers. */
struct conf_reader {
    config_t file;
    const char *path; /* for messages */
    const char *dir;  /* what relative paths count from */
    const struct conf_table *table;
    void *root;
    struct conf *conf; /* the same, where it is cerca.conf */
};

/* The text of a file; -FAULT_CONFIG when it has a NUL or is too large. `text` is empty before, and
 * to be freed when this succeeds. */
int conf_read_file(const char *path, struct buf *text, struct fault *f) WARN_UNUSED;
/* Walks a text through r->table into r->root. The caller has called config_init(&r->file), and
 * destroys it. */
int conf_parse(struct conf_reader *r, const char *text, struct fault *f) WARN_UNUSED;
/* Frees what a root's sections own. */
void conf_clear(const struct conf_table *t, void *root);
/* A commented file of the whole table, and its list as mdoc(7). */
void conf_put_example(const struct conf_table *t, const char *head, struct buf *out);
void conf_put_manual(const struct conf_table *t, struct buf *out);
/* The built-in profiles, as configuration text. The one that makes CAs is in force where the file
 * names it, in `profiles` or by what it has signed: else who holds cerca-ca could have a CA made by
 * any online root. */
#define CONF_CA_PROFILE "subordinate-ca"
extern const char conf_builtin_profiles[];
/* A configuration that has them and nothing else; conf_free. */
struct conf *conf_builtin(void);
/* Profiles of a crl-only issuer become those of the one that replaces it. */
void conf_follow_successors(struct conf *c);
/* Drops built-in profiles that the file does not mention and has no issuer for, so that every
 * profile's issuer exists and makes what it says, and the one that makes CAs where the file does
 * not name it (conf.profile_off). */
void conf_drop_builtin(const struct conf_reader *r);
/* Where something in the file stands: section, name of the element (NULL for
 * groups), key (NULL: the element itself). 0 when it is not in the file. */
unsigned conf_line(const struct conf_reader *r, const char *section, const char *name,
                   const char *key);
/* Does the file itself say this key of that element? */
bool conf_says(const struct conf_reader *r, const char *section, const char *name, const char *key);
/* Sets a fault "path:line: text". Returns -FAULT_CONFIG. */
int conf_refuse(const struct conf_reader *r, unsigned line, const char *rule, const char *field,
                struct fault *f, const char *fmt, ...) __attribute__((format(printf, 6, 7)));
/* Spans of profiles that the file does not say are cut to what the issuer allows. */
void conf_fit_profiles(const struct conf_reader *r);
/* What one key alone cannot show: references, order, uniqueness (lib/conf_check.c). */
int conf_cross_check(const struct conf_reader *r, struct fault *f) WARN_UNUSED;
/* The same of profiles and grants (lib/conf_check_profile.c). */
int conf_check_profiles(const struct conf_reader *r, struct fault *f) WARN_UNUSED;
/* The same of HTTPS and EST (lib/conf_enroll.c). */
int conf_check_enroll(const struct conf_reader *r, struct fault *f) WARN_UNUSED;
/* The same of alerts (lib/conf_alerts.c) */
int conf_check_alerts(const struct conf_reader *r, struct fault *f) WARN_UNUSED;
/* The same of channels (lib/conf_channels.c). */
int conf_check_channels(const struct conf_reader *r, struct fault *f) WARN_UNUSED;
/* The same of scans (lib/conf_scans.c). */
int conf_check_scans(const struct conf_reader *r, struct fault *f) WARN_UNUSED;
/* The element of an array in the root. */
void *conf_element(const struct conf_section *s, const void *root, size_t i);
size_t conf_element_count(const struct conf_section *s, const void *root);
/* Refuses @include, NUL, "\x00", deep nesting and bytes that are not UTF-8 before libconfig
 * sees the text, which has a NUL behind it. Gives the line. */
int conf_scan(struct slice text, unsigned *line, struct fault *f) WARN_UNUSED;

#endif
