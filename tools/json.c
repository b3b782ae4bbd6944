#include "tools/json.h"

#include <stdlib.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "lib/text.h"

#define TEXT_MAX (8u << 20)

json_t *json_text(const char *s)
{
    json_t *value = json_string(s == NULL ? "" : s);
    struct buf safe;

    if (value != NULL)
        return value;
    buf_init(&safe, TEXT_MAX);
    text_safe(slice_str(s), false, &safe);
    value = json_string(buf_cstr(&safe));
    buf_free(&safe);
    return value;
}

json_t *json_number(uint64_t n)
{
    return json_integer((json_int_t)n);
}

json_t *json_time(int64_t t)
{
    char text[CLOCK_TEXT_SIZE];

    clock_format(t, text);
    return json_string(text);
}

json_t *json_hex(const uint8_t *p, size_t n)
{
    char text[2 * 32 + 1];

    hex_encode(slice_of(p, n <= 32 ? n : 32), text);
    return json_string(text);
}

const char *json_str(const json_t *row, const char *key)
{
    const char *s = json_string_value(json_object_get(row, key));

    return s == NULL ? "" : s;
}

void json_plain(const json_t *v, struct buf *out)
{
    size_t i;
    json_t *item;

    if (json_is_string(v))
        buf_put(out, json_string_value(v), json_string_length(v));
    else if (json_is_boolean(v))
        buf_put_str(out, json_is_true(v) ? "true" : "false");
    else if (json_is_integer(v))
        buf_printf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
    json_array_foreach(v, i, item)
    {
        buf_put_str(out, i > 0 ? " " : "");
        json_plain(item, out);
    }
}

void json_put(json_t *object, const char *key, json_t *value)
{
    if (json_object_set_new(object, key, value) == 0)
        return;
    log_error("out of memory", NULL);
    exit(EXIT_FAILED);
}

int json_print(const struct tool *t, json_t *value)
{
    char *text = json_dumps(value, JSON_FLAGS | JSON_INDENT(2));
    struct buf out;
    int rc;

    buf_init(&out, TEXT_MAX);
    buf_put_str(&out, text == NULL ? "null" : text);
    buf_put_str(&out, "\n");
    rc = tool_print(t, buf_slice(&out));
    buf_free(&out);
    free(text);
    json_decref(value);
    return rc;
}
