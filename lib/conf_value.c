#include "lib/conf_schema.h"

#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/units.h"

#define RULE "conf.value"

static void *field(const struct conf_key *k, void *element)
{
    return (uint8_t *)element + k->at;
}

static void *field_too(const struct conf_key *k, void *element)
{
    return (uint8_t *)element + k->at_too;
}

static int not_one_of(const struct conf_word *w, struct fault *f)
{
    struct buf b;

    buf_init(&b, sizeof(f->text));
    for (; w->word != NULL; w++)
        buf_printf(&b, "%s%s", b.n == 0 ? "" : ", ", w->word);
    fault_set(f, FAULT_CONFIG, RULE, "must be one of %s", buf_cstr(&b));
    buf_free(&b);
    return -FAULT_CONFIG;
}

static int word_value(const struct conf_key *k, const char *text, uint32_t *out, struct fault *f)
{
    for (const struct conf_word *w = k->words; w->word != NULL; w++) {
        if (strcmp(w->word, text) == 0) {
            *out = w->value;
            return 0;
        }
    }
    *out = 0;
    return not_one_of(k->words, f);
}

static char *absolute(const char *dir, const char *text)
{
    struct buf b;
    char *out;

    if (text[0] == '/' || text[0] == '\0')
        return xstrdup(text);
    buf_init(&b, 2 * CONF_VALUE_MAX);
    while (strncmp(text, "./", 2) == 0)
        text += 2;
    buf_printf(&b, "%s%s%s", dir, strcmp(dir, "/") == 0 ? "" : "/", text);
    out = xstrdup(buf_cstr(&b));
    buf_free(&b);
    return out;
}

/* %d is the folder of the configuration, %% a percent sign, so that a data
 * directory can be moved as a whole. */
static int expand(const char *dir, const char *text, char **out, struct fault *f)
{
    struct buf b;
    int rc = 0;

    *out = NULL;
    buf_init(&b, 2 * CONF_VALUE_MAX);
    for (; *text != '\0' && rc == 0; text++) {
        if (*text != '%')
            buf_put_u8(&b, (uint8_t)*text);
        else if (*++text == 'd')
            buf_put_str(&b, dir);
        else if (*text == '%')
            buf_put_u8(&b, '%');
        else {
            rc = fault_set(f, FAULT_CONFIG, RULE, "only %%d and %%%% may follow a percent sign");
            break;
        }
    }
    if (rc == 0 && buf_failed(&b))
        rc = fault_set(f, FAULT_CONFIG, RULE, "is too long");
    if (rc == 0)
        *out = xstrdup(buf_cstr(&b));
    buf_free(&b);
    return rc;
}

static int check_range(const struct conf_key *k, uint64_t v, const char *min, const char *max,
                       struct fault *f)
{
    if ((k->min == 0 && k->max == 0) || (v >= k->min && v <= k->max))
        return 0;
    return fault_set(f, FAULT_CONFIG, RULE, "must be from %s to %s", min, max);
}

static int read_number(const struct conf_key *k, const char *text, uint64_t *v, struct fault *f)
{
    char min[24], max[24];

    if (units_parse_number(text, v) < 0)
        return fault_set(f, FAULT_CONFIG, RULE, "must be a number");
    snprintf(min, sizeof(min), "%" PRIu64, k->min);
    snprintf(max, sizeof(max), "%" PRIu64, k->max);
    return check_range(k, *v, min, max, f);
}

static int read_span(const struct conf_key *k, const char *text, int64_t *v, struct fault *f)
{
    char min[CLOCK_TEXT_SIZE], max[CLOCK_TEXT_SIZE];

    if (k->min == 0 && strcmp(text, "none") == 0) {
        *v = 0;
        return 0;
    }
    if (clock_parse_span(text, v) < 0)
        return fault_set(f, FAULT_CONFIG, RULE,
                         "must be a span such as \"90d\", \"12h\", \"30m\" or \"45s\"");
    clock_format_span((int64_t)k->min, min);
    clock_format_span((int64_t)k->max, max);
    return check_range(k, (uint64_t)*v, min, max, f);
}

static int read_size(const struct conf_key *k, const char *text, uint64_t *v, struct fault *f)
{
    char min[UNITS_TEXT_SIZE], max[UNITS_TEXT_SIZE];

    if (units_parse_size(text, v) < 0)
        return fault_set(f, FAULT_CONFIG, RULE, "must be a size such as \"64KiB\" or \"2GiB\"");
    units_format_size(k->min, min);
    units_format_size(k->max, max);
    return check_range(k, *v, min, max, f);
}

static int read_path_len(const struct conf_key *k, const char *text, int *out, struct fault *f)
{
    uint64_t v;

    if (strcmp(text, "none") == 0) {
        *out = -1;
        return 0;
    }
    if (units_parse_number(text, &v) < 0 || v > k->max)
        return fault_set(f, FAULT_CONFIG, RULE, "must be none or a number from 0 to %" PRIu64,
                         k->max);
    *out = (int)v;
    return 0;
}

/* Permissions as chmod(1) has them; no set-uid bits. "" is 0. */
static int read_mode(const char *text, unsigned *out, struct fault *f)
{
    size_t n = strlen(text);

    if (n > 4 || strspn(text, "01234567") != n)
        return fault_set(f, FAULT_CONFIG, RULE, "must be permissions such as \"0640\"");
    *out = n == 0 ? 0 : (unsigned)strtoul(text, NULL, 8);
    return *out <= 0777 ? 0 : fault_set(f, FAULT_CONFIG, RULE, "must be at most 0777");
}

static int read_user(const char *text, uid_t *out, struct fault *f)
{
    struct passwd entry, *found = NULL;
    char room[4096];
    uint64_t v;

    /* (uid_t)-1 means "no change" to setresuid(2), so it is nobody. */
    if (units_parse_number(text, &v) == 0) {
        if (v >= UINT32_MAX)
            return fault_set(f, FAULT_CONFIG, RULE, "must be a uid from 0 to 4294967294");
        *out = (uid_t)v;
        return 0;
    }
    if (getpwnam_r(text, &entry, room, sizeof(room), &found) != 0 || found == NULL)
        return fault_set(f, FAULT_CONFIG, RULE, "is neither a uid nor a user of this host");
    *out = entry.pw_uid;
    return 0;
}

static int check_text(const struct conf_key *k, const char *text, struct fault *f)
{
    size_t n = strlen(text);

    if (n > CONF_VALUE_MAX)
        return fault_set(f, FAULT_CONFIG, RULE, "is longer than %d octets", CONF_VALUE_MAX);
    for (size_t i = 0; i < n; i++)
        if ((uint8_t)text[i] < 0x20 || text[i] == 0x7f)
            return fault_set(f, FAULT_CONFIG, RULE, "has a control character in it");
    if (n == 0 && k->fallback != NULL && k->fallback[0] == '\0' && !conf_type_is_list(k->type))
        return 0;
    if (n == 0 && k->check == NULL)
        return fault_set(f, FAULT_CONFIG, RULE, "must not be empty");
    return k->check == NULL ? 0 : k->check(text, f);
}

static int set_text(const struct conf_key *k, void *element, char *text, struct fault *f)
{
    uint32_t ignored;

    if (k->words != NULL && word_value(k, text, &ignored, f) < 0) {
        free(text);
        return -FAULT_CONFIG;
    }
    conf_value_clear(k, element);
    *(char **)field(k, element) = text;
    return 0;
}

static int set_number(const struct conf_key *k, void *element, const char *text, struct fault *f)
{
    uint64_t v;
    int rc = read_number(k, text, &v, f);

    if (rc < 0)
        return rc;
    if (k->type == CONF_NUMBER)
        *(unsigned *)field(k, element) = (unsigned)v;
    else if (k->type == CONF_PORT)
        *(uint16_t *)field(k, element) = (uint16_t)v;
    else
        *(size_t *)field(k, element) = (size_t)v;
    return 0;
}

static int set_span(const struct conf_key *k, void *element, const char *text, struct fault *f)
{
    int64_t v;
    int rc = read_span(k, text, &v, f);

    if (rc == 0)
        *(int64_t *)field(k, element) = k->type == CONF_SPAN_MS ? v * 1000 : v;
    return rc;
}

static int set_word(const struct conf_key *k, void *element, const char *text, struct fault *f)
{
    uint32_t v;
    int rc = word_value(k, text, &v, f);

    if (rc == 0)
        memcpy(field(k, element), &v, sizeof(v)); /* enums of GNU C are as wide as unsigned */
    return rc;
}

static int set_user(const struct conf_key *k, void *element, const char *text, struct fault *f)
{
    uid_t uid = 0;
    int rc = 0;

    if (text[0] != '\0')
        rc = read_user(text, &uid, f);
    if (rc == 0) {
        *(uid_t *)field(k, element) = uid;
        *(bool *)field_too(k, element) = text[0] != '\0';
    }
    return rc;
}

static int set_key_type(const struct conf_key *k, void *element, const char *text, struct fault *f)
{
    enum key_type type;
    unsigned bits;

    if (key_type_parse(text, &type, &bits) < 0)
        return fault_set(f, FAULT_CONFIG, RULE, "is not a key type");
    *(enum key_type *)field(k, element) = type;
    *(unsigned *)field_too(k, element) = bits;
    return 0;
}

static int set_alg(const struct conf_key *k, void *element, const char *text, struct fault *f)
{
    enum sig_alg alg;

    if (sig_alg_parse(text, &alg) < 0)
        return fault_set(f, FAULT_CONFIG, RULE,
                         "must be ecdsa-, rsa- or rsa-pss- with sha256, sha384 or sha512");
    *(enum sig_alg *)field(k, element) = alg;
    return 0;
}

int conf_value_set(const struct conf_key *k, void *element, const char *dir, const char *text,
                   struct fault *f)
{
    int rc = check_text(k, text, f);

    if (rc < 0)
        return rc;
    switch (k->type) {
    case CONF_TEXT:
        return set_text(k, element, xstrdup(text), f);
    case CONF_PATH:
        return set_text(k, element, absolute(dir, text), f);
    case CONF_NUMBER:
    case CONF_COUNT:
    case CONF_PORT:
        return set_number(k, element, text, f);
    case CONF_PATH_LEN:
        return read_path_len(k, text, field(k, element), f);
    case CONF_MODE:
        return read_mode(text, field(k, element), f);
    case CONF_SPAN:
    case CONF_SPAN_MS:
        return set_span(k, element, text, f);
    case CONF_SIZE:
        return read_size(k, text, field(k, element), f);
    case CONF_WORD:
        return set_word(k, element, text, f);
    case CONF_UID:
        return read_user(text, field(k, element), f);
    case CONF_USER:
        return set_user(k, element, text, f);
    case CONF_KEY_TYPE:
        return set_key_type(k, element, text, f);
    case CONF_SIG_ALG:
        return set_alg(k, element, text, f);
    default:
        return fault_set(f, FAULT_CONFIG, "conf.type", "must be %s", conf_type_text(k->type));
    }
}

void conf_value_set_bool(const struct conf_key *k, void *element, bool v)
{
    *(bool *)field(k, element) = v;
}

static int add_bit(const struct conf_key *k, void *element, const char *text, struct fault *f)
{
    uint32_t v, old;
    int rc = word_value(k, text, &v, f);

    if (rc < 0)
        return rc;
    old = k->type == CONF_BITS16 ? *(uint16_t *)field(k, element) : *(uint32_t *)field(k, element);
    if (old & v)
        return fault_set(f, FAULT_CONFIG, "conf.duplicate", "is in the list twice");
    if (k->type == CONF_BITS16)
        *(uint16_t *)field(k, element) = (uint16_t)(old | v);
    else
        *(uint32_t *)field(k, element) = old | v;
    return 0;
}

static int add_text(const struct conf_key *k, void *element, char *text, struct fault *f)
{
    char ***list = field(k, element);
    size_t *n = field_too(k, element);
    char **grown;
    int rc = 0;

    if (*n >= k->max)
        rc = fault_set(f, FAULT_CONFIG, "conf.value", "more than %" PRIu64 " items", k->max);
    for (size_t i = 0; i < *n && rc == 0 && k->type != CONF_ARGV; i++)
        if (strcmp((*list)[i], text) == 0)
            rc = fault_set(f, FAULT_CONFIG, "conf.duplicate", "is in the list twice");
    if (rc < 0) {
        free(text);
        return rc;
    }
    grown = xcalloc(*n + 1, sizeof(char *));
    if (*n > 0)
        memcpy(grown, *list, *n * sizeof(char *));
    free(*list);
    *list = grown;
    grown[(*n)++] = text;
    return 0;
}

int conf_value_add(const struct conf_key *k, void *element, const char *dir, const char *text,
                   struct fault *f)
{
    char *made;
    int rc = check_text(k, text, f);

    if (rc < 0)
        return rc;
    if (k->type == CONF_BITS16 || k->type == CONF_BITS32)
        return add_bit(k, element, text, f);
    if (text[0] == '\0')
        return fault_set(f, FAULT_CONFIG, RULE, "must not be empty");
    if (k->type == CONF_ENV) {
        rc = expand(dir, text, &made, f);
        return rc < 0 ? rc : add_text(k, element, made, f);
    }
    made = k->type == CONF_PATHS ? absolute(dir, text) : xstrdup(text);
    return add_text(k, element, made, f);
}

void conf_value_forget(const struct conf_key *k, void *element)
{
    if (k->type == CONF_TEXT || k->type == CONF_PATH) {
        *(char **)field(k, element) = NULL;
    } else if (k->type == CONF_BITS16) {
        *(uint16_t *)field(k, element) = 0;
    } else if (k->type == CONF_BITS32) {
        *(uint32_t *)field(k, element) = 0;
    } else if (conf_type_is_list(k->type)) {
        *(char ***)field(k, element) = NULL;
        *(size_t *)field_too(k, element) = 0;
    }
}

void conf_value_clear(const struct conf_key *k, void *element)
{
    if (k->type == CONF_TEXT || k->type == CONF_PATH) {
        free(*(char **)field(k, element));
    } else if (k->type == CONF_TEXTS || k->type == CONF_PATHS || k->type == CONF_ENV ||
               k->type == CONF_ARGV) {
        char **list = *(char ***)field(k, element);
        size_t n = *(size_t *)field_too(k, element);

        for (size_t i = 0; i < n; i++)
            free(list[i]);
        free(list);
    }
    conf_value_forget(k, element);
}

static int default_list(const struct conf_key *k, void *element, const char *dir, char *items,
                        struct fault *f)
{
    char *rest = items;
    int rc = 0;

    conf_value_clear(k, element);
    while (rc == 0 && *rest != '\0') {
        char *item = rest;
        size_t n = strcspn(rest, " ");

        rest += n + (rest[n] == ' ');
        item[n] = '\0';
        rc = conf_value_add(k, element, dir, item, f);
    }
    return rc;
}

int conf_value_default(const struct conf_key *k, void *element, const char *dir, struct fault *f)
{
    struct buf text;
    char *copy;
    int rc = 0;

    buf_init(&text, CONF_VALUE_MAX);
    if (k->derive != NULL)
        k->derive(element, &text);
    else
        buf_put_str(&text, k->fallback);
    copy = xstrdup(buf_cstr(&text));
    if (k->type == CONF_BOOL)
        conf_value_set_bool(k, element, strcmp(copy, "true") == 0);
    else if (conf_type_is_list(k->type))
        rc = default_list(k, element, dir, copy, f);
    else
        rc = conf_value_set(k, element, dir, copy, f);
    free(copy);
    buf_free(&text);
    return rc;
}
