/* `cerca conf show`: what is in force, in a form that reads back as the same, or as JSON. */
#include "lib/conf_schema.h"

#include <stdlib.h>
#include <string.h>

/* The struct of a built-in profile of the same name, or NULL. */
static const void *builtin_of(const struct conf *builtin, const struct conf_section *s,
                              const void *element)
{
    if (builtin == NULL || strcmp(s->name, "profiles") != 0)
        return NULL;
    return conf_profile(builtin, ((const struct conf_profile *)element)->name);
}

/* The default depends on other keys in places, so it is made in a copy of the
 * element, in which only this key's value is its own. */
static void print_default(const struct conf_key *k, const struct conf_section *s,
                          const void *element, const char *dir, struct buf *out)
{
    size_t size = s->list ? s->size : sizeof(struct conf);
    uint8_t *copy = xmemdup(element, size);
    struct fault f;

    conf_value_forget(k, copy);
    if (conf_value_default(k, copy, dir, &f) == 0)
        conf_value_print(k, copy, out);
    conf_value_clear(k, copy);
    free(copy);
}

static void print_key(const struct conf *c, const struct conf *builtin,
                      const struct conf_section *s, const struct conf_key *k, const void *element,
                      struct buf *out)
{
    const void *same = builtin_of(builtin, s, element);
    struct buf value, normal;

    buf_init(&value, CONF_MAX);
    buf_init(&normal, CONF_MAX);
    conf_value_print(k, element, &value);
    if (same != NULL)
        conf_value_print(k, same, &normal);
    else if (!conf_key_required(k))
        print_default(k, s, element, c->dir, &normal);
    buf_printf(out, "%s%s = %s;%s\n", s->list ? "        " : "    ", k->name, buf_cstr(&value),
               !slice_eq(buf_slice(&value), buf_slice(&normal)) ? ""
               : same != NULL                                   ? " # built in"
                                                                : " # default");
    buf_free(&value);
    buf_free(&normal);
}

static void print_element(const struct conf *c, const struct conf *builtin,
                          const struct conf_section *s, const void *element, struct buf *out)
{
    buf_put_str(out, "    {\n");
    for (size_t k = 0; k < s->n_keys; k++)
        print_key(c, builtin, s, &s->keys[k], element, out);
    buf_put_str(out, "    }");
}

static void print_list(const struct conf *c, const struct conf *builtin,
                       const struct conf_section *s, struct buf *out)
{
    size_t n = conf_element_count(s, c);

    buf_printf(out, "%s = (\n", s->name);
    for (size_t i = 0; i < n; i++) {
        print_element(c, builtin, s, conf_element(s, c, i), out);
        buf_put_str(out, i + 1 < n ? ",\n" : "\n");
    }
    buf_put_str(out, ");\n");
}

static void print_group(const struct conf *c, const struct conf_section *s, struct buf *out)
{
    buf_printf(out, "%s = {\n", s->name);
    for (size_t k = 0; k < s->n_keys; k++)
        print_key(c, NULL, s, &s->keys[k], c, out);
    buf_put_str(out, "};\n");
}

void conf_print(const struct conf *c, struct buf *out)
{
    struct conf *builtin = conf_builtin();

    buf_printf(out, "# %s\n", c->path);
    for (size_t i = 0; i < conf_sections_count; i++) {
        if (conf_sections[i]->list)
            print_list(c, builtin, conf_sections[i], out);
        else
            print_group(c, conf_sections[i], out);
    }
    conf_free(builtin);
}

void conf_print_profile(const struct conf *c, const struct conf_profile *p, struct buf *out)
{
    struct conf *builtin = conf_builtin();

    print_element(c, builtin, conf_section("profiles"), p, out);
    buf_put_str(out, "\n");
    conf_free(builtin);
}

/* Texts hold no control characters and are UTF-8, so that quoting is all JSON needs (RFC 8259 7).
 */
static void json_keys(const struct conf_section *s, const void *element, struct buf *out)
{
    buf_put_str(out, "{");
    for (size_t k = 0; k < s->n_keys; k++) {
        buf_printf(out, "%s\"%s\": ", k == 0 ? "" : ", ", s->keys[k].name);
        conf_value_json(&s->keys[k], element, out);
    }
    buf_put_str(out, "}");
}

void conf_print_profile_json(const struct conf_profile *p, struct buf *out)
{
    json_keys(conf_section("profiles"), p, out);
}

static void json_list(const struct conf *c, const struct conf_section *s, struct buf *out)
{
    size_t n = conf_element_count(s, c);

    buf_put_str(out, "[");
    for (size_t i = 0; i < n; i++) {
        buf_put_str(out, i == 0 ? "\n    " : ",\n    ");
        json_keys(s, conf_element(s, c, i), out);
    }
    buf_put_str(out, "]");
}

void conf_print_json(const struct conf *c, struct buf *out)
{
    for (size_t i = 0; i < conf_sections_count; i++) {
        buf_printf(out, "%s\"%s\": ", i == 0 ? "{\n  " : ",\n  ", conf_sections[i]->name);
        if (conf_sections[i]->list)
            json_list(c, conf_sections[i], out);
        else
            json_keys(conf_sections[i], c, out);
    }
    buf_put_str(out, "\n}\n");
}
