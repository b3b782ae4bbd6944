#include "lib/conf_schema.h"

#include <string.h>

#include "lib/clock.h"
#include "lib/units.h"

static const void *field(const struct conf_key *k, const void *element)
{
    return (const uint8_t *)element + k->at;
}

static const void *field_too(const struct conf_key *k, const void *element)
{
    return (const uint8_t *)element + k->at_too;
}

static void put_quoted(struct buf *out, const char *text)
{
    buf_put_u8(out, '"');
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\')
            buf_put_u8(out, '\\');
        buf_put_u8(out, (uint8_t)*text);
    }
    buf_put_u8(out, '"');
}

static void put_words(const struct conf_key *k, uint32_t bits, struct buf *out)
{
    bool first = true;

    for (const struct conf_word *w = k->words; w->word != NULL; w++) {
        if ((bits & w->value) == 0)
            continue;
        buf_put_str(out, first ? "" : ", ");
        put_quoted(out, w->word);
        first = false;
    }
}

/* Environments were expanded; what is shown must read back as the same. */
static void put_env(struct buf *out, const char *text)
{
    struct buf b;

    buf_init(&b, 4 * CONF_VALUE_MAX);
    for (; *text != '\0'; text++) {
        if (*text == '%')
            buf_put_u8(&b, '%');
        buf_put_u8(&b, (uint8_t)*text);
    }
    put_quoted(out, buf_cstr(&b));
    buf_free(&b);
}

static void put_texts(const struct conf_key *k, const void *element, bool json, struct buf *out)
{
    char *const *list = *(char *const *const *)field(k, element);
    size_t n = *(const size_t *)field_too(k, element);

    for (size_t i = 0; i < n; i++) {
        buf_put_str(out, i == 0 ? "" : ", ");
        if (k->type == CONF_ENV && !json)
            put_env(out, list[i]);
        else
            put_quoted(out, list[i]);
    }
}

static void put_items(const struct conf_key *k, const void *element, bool json, struct buf *out)
{
    if (k->type == CONF_BITS16)
        put_words(k, *(const uint16_t *)field(k, element), out);
    else if (k->type == CONF_BITS32)
        put_words(k, *(const uint32_t *)field(k, element), out);
    else
        put_texts(k, element, json, out);
}

static void put_list(const struct conf_key *k, const void *element, bool json, struct buf *out)
{
    struct buf items;
    const char *blank;

    buf_init(&items, CONF_MAX);
    put_items(k, element, json, &items);
    blank = json || items.n == 0 ? "" : " ";
    buf_printf(out, "%s%s%s%s%s", json ? "[" : "(", blank, buf_cstr(&items), blank,
               json ? "]" : ")");
    buf_free(&items);
}

static void put_word(const struct conf_key *k, const void *element, struct buf *out)
{
    uint32_t v;

    memcpy(&v, field(k, element), sizeof(v));
    for (const struct conf_word *w = k->words; w->word != NULL; w++)
        if (w->value == v)
            buf_put_str(out, w->word);
}

static void put_span(int64_t seconds, struct buf *out)
{
    char text[CLOCK_TEXT_SIZE];

    clock_format_span(seconds, text);
    buf_put_str(out, text);
}

static void put_key_type(const struct conf_key *k, const void *element, struct buf *out)
{
    char text[24];

    key_describe(*(const enum key_type *)field(k, element),
                 *(const unsigned *)field_too(k, element), text);
    buf_put_str(out, text);
}

static void put_size(uint64_t octets, struct buf *out)
{
    char text[UNITS_TEXT_SIZE];

    units_format_size(octets, text);
    buf_put_str(out, text);
}

static void put_scalar(const struct conf_key *k, const void *element, struct buf *out)
{
    const void *p = field(k, element);

    if (k->type == CONF_MODE)
        buf_printf(out, "%04o", *(const unsigned *)p);
    else if (k->type == CONF_NUMBER || k->type == CONF_UID)
        buf_printf(out, "%u", *(const unsigned *)p);
    else if (k->type == CONF_COUNT)
        buf_printf(out, "%zu", *(const size_t *)p);
    else if (k->type == CONF_PORT)
        buf_printf(out, "%u", *(const uint16_t *)p);
    else if (k->type == CONF_PATH_LEN && *(const int *)p < 0)
        buf_put_str(out, "none");
    else if (k->type == CONF_PATH_LEN)
        buf_printf(out, "%d", *(const int *)p);
    else if (k->type == CONF_SPAN && *(const int64_t *)p == 0)
        buf_put_str(out, "none");
    else if (k->type == CONF_SPAN)
        put_span(*(const int64_t *)p, out);
    else if (k->type == CONF_SPAN_MS)
        put_span(*(const int64_t *)p / 1000, out);
    else if (k->type == CONF_SIZE)
        put_size(*(const uint64_t *)p, out);
    else if (k->type == CONF_WORD)
        put_word(k, element, out);
    else if (k->type == CONF_KEY_TYPE)
        put_key_type(k, element, out);
    else if (k->type == CONF_SIG_ALG)
        buf_put_str(out, sig_alg_name(*(const enum sig_alg *)p));
    else if (k->type == CONF_USER && *(const bool *)field_too(k, element))
        buf_printf(out, "%u", *(const uid_t *)p);
}

static void put_value(const struct conf_key *k, const void *element, bool json, struct buf *out)
{
    if (k->type == CONF_BOOL) {
        buf_put_str(out, *(const bool *)field(k, element) ? "true" : "false");
    } else if (conf_type_is_list(k->type)) {
        put_list(k, element, json, out);
    } else if (k->type == CONF_TEXT || k->type == CONF_PATH) {
        put_quoted(out, *(char *const *)field(k, element));
    } else {
        buf_put_u8(out, '"');
        put_scalar(k, element, out);
        buf_put_u8(out, '"');
    }
}

void conf_value_print(const struct conf_key *k, const void *element, struct buf *out)
{
    put_value(k, element, false, out);
}

void conf_value_json(const struct conf_key *k, const void *element, struct buf *out)
{
    put_value(k, element, true, out);
}
