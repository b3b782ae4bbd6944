/*
 * What operators write about an identity, which is what must keep working (ca/store/inventory.h):
 * who owns it, what it is for, how it is renewed.
 */
#ifndef LIB_ANNOTATION_H
#define LIB_ANNOTATION_H

#include "lib/buf.h"
#include "lib/fault.h"
#include "lib/wire.h"

#define ANNOTATION_IDENTITY 16 /* octets */

/* Where a certificate is known from. */
enum store_source { SOURCE_ISSUED = 0, SOURCE_IMPORTED = 1, SOURCE_SCANNED = 2 };
#define SOURCE_MAX SOURCE_SCANNED
const char *source_name(enum store_source s); /* "issued", "imported", "scanned" */
int source_parse(const char *text, enum store_source *out) WARN_UNUSED;

enum criticality {
    CRITICALITY_NONE = 0,
    CRITICALITY_LOW,
    CRITICALITY_MEDIUM,
    CRITICALITY_HIGH,
    CRITICALITY_CRITICAL
};
enum renewal_method { METHOD_NONE = 0, METHOD_AGENT, METHOD_EST, METHOD_ACME, METHOD_MANUAL };
const char *criticality_name(enum criticality c); /* "", "low", "medium", "high", "critical" */
const char *method_name(enum renewal_method m);   /* "", "agent", "est", "acme", "manual" */
int criticality_parse(const char *text, enum criticality *out) WARN_UNUSED;
int method_parse(const char *text, enum renewal_method *out) WARN_UNUSED;

/* Bits of the fields, for changes and for what is required. */
enum annotation_field {
    ANNOTATION_OWNER = 1u << 0,
    ANNOTATION_CONTACT = 1u << 1,
    ANNOTATION_APPLICATION = 1u << 2,
    ANNOTATION_ENVIRONMENT = 1u << 3,
    ANNOTATION_PURPOSE = 1u << 4,
    ANNOTATION_CRITICALITY = 1u << 5,
    ANNOTATION_METHOD = 1u << 6,
    ANNOTATION_NOTE = 1u << 7,
    ANNOTATION_TAGS = 1u << 8,
    ANNOTATION_REVIEWED = 1u << 9,
    ANNOTATION_RETIRED = 1u << 10,
};
#define ANNOTATION_FIELDS 11
#define ANNOTATION_ALL ((1u << ANNOTATION_FIELDS) - 1)
/* "owner", "contact", ... "reviewed", "retired"; of one bit. */
const char *annotation_field_name(unsigned bit);
/* The bit; 0: no such field. */
unsigned annotation_field_parse(const char *name);

#define ANNOTATION_NAME_MAX 128 /* as owners have in certificates */
#define ANNOTATION_TEXT_MAX 256 /* octets with their NUL */
#define ANNOTATION_NOTE_MAX 1024
#define ANNOTATION_TAGS_MAX 512
/* Texts are UTF-8 without control characters; empty: not set. Only identities of which something
 * is set have a row. */
struct annotation {
    uint8_t identity[ANNOTATION_IDENTITY];
    char owner[ANNOTATION_NAME_MAX]; /* instead of the certificates' own */
    char contact[ANNOTATION_TEXT_MAX];
    char application[ANNOTATION_NAME_MAX];
    char environment[ANNOTATION_NAME_MAX];
    char purpose[ANNOTATION_TEXT_MAX];
    enum criticality criticality;
    enum renewal_method method;
    char note[ANNOTATION_NOTE_MAX];
    char tags[ANNOTATION_TAGS_MAX];       /* sorted, each once, a comma between them */
    int64_t reviewed, retired;            /* seconds; 0: not */
    int64_t updated;                      /* when something was last set ... */
    char updated_by[ANNOTATION_NAME_MAX]; /* ... and by whom: "operator:alice" */
};
/* Which fields are set. */
unsigned annotation_set_fields(const struct annotation *a);
bool annotation_has_tag(const struct annotation *a, const char *tag);
/* Copies the fields of `mask`; which of them that changed. */
unsigned annotation_merge(struct annotation *a, const struct annotation *from, unsigned mask);
/* The owner of `from` where there is none yet, its tags beside those that are there. Which of them
 * changed. Both have been checked. Rule "annotation.tags" (FAULT_TOO_LARGE): they are too many;
 * then nothing changed. */
int annotation_add(struct annotation *a, const struct annotation *from, unsigned *changed,
                   struct fault *f) WARN_UNUSED;
/* Are the texts UTF-8 without control characters, the tags of letters, digits and "._:/=-@+" (and
 * they are then sorted, each once)? Rules "annotation.text", "annotation.tags", field: which. */
int annotation_check(struct annotation *a, struct fault *f) WARN_UNUSED;
/* The codec of rows and messages: all of it; and the fields of `mask` alone, with the identity. */
void annotation_put(struct buf *b, const struct annotation *a);
void annotation_get(struct wire_in *w, struct annotation *out);
void annotation_put_some(struct buf *b, const struct annotation *a, unsigned mask);
void annotation_get_some(struct wire_in *w, struct annotation *out, unsigned *mask);

/* A field as people write and read it: a text, a name of the lists above, for times RFC 3339 ("now"
 * is read too). "": not set. Rule "annotation.value", field: which. */
#define ANNOTATION_VALUE_MAX ANNOTATION_NOTE_MAX
void annotation_print(const struct annotation *a, unsigned bit, char out[ANNOTATION_VALUE_MAX]);
int annotation_parse(struct annotation *a, unsigned bit, const char *value,
                     struct fault *f) WARN_UNUSED;

/* What lists ask for; of an annotation that is not there every field is empty. */
struct annotation_filter {
    char contact[ANNOTATION_TEXT_MAX]; /* whole texts; "": any */
    char application[ANNOTATION_NAME_MAX];
    char environment[ANNOTATION_NAME_MAX];
    char tag[ANNOTATION_NAME_MAX]; /* one of its tags */
    enum criticality criticality;  /* none: any */
    enum renewal_method method;    /* likewise */
};
bool annotation_filter_asks(const struct annotation_filter *q);
bool annotation_matches(const struct annotation *a, const struct annotation_filter *q);
void annotation_filter_put(struct buf *b, const struct annotation_filter *q);
void annotation_filter_get(struct wire_in *w, struct annotation_filter *out);

#endif
