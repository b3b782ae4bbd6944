#include "lib/conf_schema.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATH_SHOWN 100 /* characters of a path in a message; its end says more than its start */

void *conf_element(const struct conf_section *s, const void *root, size_t i)
{
    uint8_t *array = *(uint8_t *const *)(const void *)((const uint8_t *)root + s->at);

    return array + i * s->size;
}

size_t conf_element_count(const struct conf_section *s, const void *root)
{
    return *(const size_t *)(const void *)((const uint8_t *)root + s->at_n);
}

/* Every element starts with its name. */
static const char *element_name(const struct conf_section *s, const void *root, size_t i)
{
    return *(char *const *)(const void *)((uint8_t *)conf_element(s, root, i) + s->keys[0].at);
}

static void *element_add(const struct conf_section *s, void *root)
{
    uint8_t **array = (uint8_t **)(void *)((uint8_t *)root + s->at);
    size_t *n = (size_t *)(void *)((uint8_t *)root + s->at_n);
    uint8_t *grown = xcalloc(*n + 1, s->size);

    if (*n > 0)
        memcpy(grown, *array, *n * s->size);
    free(*array);
    *array = grown;
    return grown + (*n)++ * s->size;
}

int conf_refuse(const struct conf_reader *r, unsigned line, const char *rule, const char *field,
                struct fault *f, const char *fmt, ...)
{
    size_t n = strlen(r->path);
    char text[sizeof(f->text)];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    fault_set(f, FAULT_CONFIG, rule, "%s%s:%u: %s", n > PATH_SHOWN ? "..." : "",
              n > PATH_SHOWN ? r->path + n - PATH_SHOWN : r->path, line, text);
    snprintf(f->field, sizeof(f->field), "%s", field);
    return -FAULT_CONFIG;
}

/* The first line for a section that the file does not have. */
static unsigned line_of(const config_setting_t *s)
{
    return s == NULL ? 1 : config_setting_source_line(s);
}

/* Levenshtein's distance, for "did you mean". */
static size_t distance(const char *a, const char *b)
{
    size_t row[32], n = strlen(b);

    if (n >= 32)
        return n;
    for (size_t j = 0; j <= n; j++)
        row[j] = j;
    for (size_t i = 0; a[i] != '\0'; i++) {
        size_t diagonal = row[0];

        row[0] = i + 1;
        for (size_t j = 0; j < n; j++) {
            size_t best = diagonal + (a[i] != b[j]);

            diagonal = row[j + 1];
            if (row[j] + 1 < best)
                best = row[j] + 1;
            if (row[j + 1] + 1 < best)
                best = row[j + 1] + 1;
            row[j + 1] = best;
        }
    }
    return row[n];
}

/* Keeps the nearest of the candidates offered so far, if any is near. */
static void suggest(const char *given, const char *candidate, const char **best, size_t *nearest)
{
    size_t d = distance(given, candidate);

    if (d < *nearest) {
        *nearest = d;
        *best = candidate;
    }
}

static int unknown(const struct conf_reader *r, const config_setting_t *s, const char *where,
                   const char *best, struct fault *f)
{
    return conf_refuse(r, line_of(s), "conf.unknown", s->name, f, "unknown key \"%.64s\"%s%s%s%s%s",
                       s->name, where[0] == '\0' ? "" : " in ", where,
                       best == NULL ? "" : "; did you mean \"", best == NULL ? "" : best,
                       best == NULL ? "" : "\"?");
}

static int unknown_key(const struct conf_reader *r, const struct conf_section *s,
                       const config_setting_t *setting, struct fault *f)
{
    const char *best = NULL;
    size_t nearest = 3;

    for (size_t i = 0; i < s->n_keys; i++)
        suggest(setting->name, s->keys[i].name, &best, &nearest);
    return unknown(r, setting, s->name, best, f);
}

static int unknown_section(const struct conf_reader *r, const config_setting_t *setting,
                           struct fault *f)
{
    const char *best = NULL;
    size_t nearest = 3;

    for (size_t i = 0; i < r->table->n; i++)
        suggest(setting->name, r->table->section[i]->name, &best, &nearest);
    return unknown(r, setting, "", best, f);
}

static int bad_value(const struct conf_reader *r, unsigned line, const struct conf_section *s,
                     const struct conf_key *k, struct fault *f)
{
    struct fault why = *f;
    char field[64];

    snprintf(field, sizeof(field), "%s.%s", s->name, k->name);
    return conf_refuse(r, line, why.rule, field, f, "%s: %s", k->name, why.text);
}

static int wrong_type(const struct conf_reader *r, const struct conf_section *s,
                      const struct conf_key *k, const config_setting_t *setting, struct fault *f)
{
    const char *form = "a quoted text, numbers too: \"90d\", \"8080\"";

    if (k->type == CONF_BOOL)
        form = "true or false, without quotes";
    else if (conf_type_is_list(k->type))
        form = "a list of quoted texts: ( \"...\", \"...\" )";
    fault_set(f, FAULT_CONFIG, "conf.type", "must be %s", form);
    return bad_value(r, line_of(setting), s, k, f);
}

static int read_list(const struct conf_reader *r, const struct conf_section *s,
                     const struct conf_key *k, config_setting_t *setting, void *element,
                     struct fault *f)
{
    int n = config_setting_length(setting);

    conf_value_clear(k, element);
    if ((uint64_t)n < k->min || (uint64_t)n > k->max) {
        fault_set(f, FAULT_CONFIG, "conf.value", "must have from %u to %u items", (unsigned)k->min,
                  (unsigned)k->max);
        return bad_value(r, line_of(setting), s, k, f);
    }
    for (int i = 0; i < n; i++) {
        config_setting_t *item = config_setting_get_elem(setting, (unsigned)i);

        if (config_setting_type(item) != CONFIG_TYPE_STRING)
            return wrong_type(r, s, k, item, f);
        if (conf_value_add(k, element, r->dir, config_setting_get_string(item), f) < 0)
            return bad_value(r, line_of(item), s, k, f);
    }
    return 0;
}

static int read_value(const struct conf_reader *r, const struct conf_section *s,
                      const struct conf_key *k, config_setting_t *setting, void *element,
                      struct fault *f)
{
    int type = config_setting_type(setting);

    if (conf_type_is_list(k->type)) {
        if (type != CONFIG_TYPE_LIST && type != CONFIG_TYPE_ARRAY)
            return wrong_type(r, s, k, setting, f);
        return read_list(r, s, k, setting, element, f);
    }
    if (type != (k->type == CONF_BOOL ? CONFIG_TYPE_BOOL : CONFIG_TYPE_STRING))
        return wrong_type(r, s, k, setting, f);
    if (k->type == CONF_BOOL)
        conf_value_set_bool(k, element, config_setting_get_bool(setting) != 0);
    else if (conf_value_set(k, element, r->dir, config_setting_get_string(setting), f) < 0)
        return bad_value(r, line_of(setting), s, k, f);
    return 0;
}

static const struct conf_key *find_key(const struct conf_section *s, const char *name)
{
    for (size_t i = 0; i < s->n_keys; i++)
        if (strcmp(s->keys[i].name, name) == 0)
            return &s->keys[i];
    return NULL;
}

static int read_group(const struct conf_reader *r, const struct conf_section *s,
                      config_setting_t *group, void *element, struct fault *f)
{
    int n = config_setting_length(group);

    for (int i = 0; i < n; i++) {
        config_setting_t *setting = config_setting_get_elem(group, (unsigned)i);
        const struct conf_key *k = find_key(s, setting->name);
        int rc =
            k == NULL ? unknown_key(r, s, setting, f) : read_value(r, s, k, setting, element, f);

        if (rc < 0)
            return rc;
    }
    return 0;
}

static int missing(const struct conf_reader *r, const struct conf_section *s,
                   const struct conf_key *k, const config_setting_t *group, struct fault *f)
{
    return conf_refuse(r, line_of(group), "conf.missing", k->name, f, "%s: \"%s\" is missing: %s",
                       s->name, k->name, k->help);
}

/* `group` is NULL for a section that the file does not have. */
static int complete(const struct conf_reader *r, const struct conf_section *s,
                    const config_setting_t *group, void *element, struct fault *f)
{
    for (size_t i = 0; i < s->n_keys; i++) {
        const struct conf_key *k = &s->keys[i];

        if (group != NULL && config_setting_get_member(group, k->name) != NULL)
            continue;
        if (conf_key_required(k))
            return missing(r, s, k, group, f);
        if (conf_value_default(k, element, r->dir, f) < 0)
            return bad_value(r, line_of(group), s, k, f);
    }
    return 0;
}

static const char *name_of(const struct conf_section *s, config_setting_t *group)
{
    config_setting_t *name = config_setting_get_member(group, s->keys[0].name);

    if (name == NULL || config_setting_type(name) != CONFIG_TYPE_STRING)
        return NULL;
    return config_setting_get_string(name);
}

static bool is_named(const struct conf_section *s, config_setting_t *group, const char *name)
{
    const char *own = s == NULL ? NULL : name_of(s, group);

    return own != NULL && strcmp(own, name) == 0;
}

/* Profiles that are there before the file is read are the built-in ones. */
static void *find_builtin(const struct conf_section *s, const void *root, size_t n_builtin,
                          const char *name)
{
    for (size_t i = 0; i < n_builtin; i++)
        if (strcmp(element_name(s, root, i), name) == 0)
            return conf_element(s, root, i);
    return NULL;
}

static int refuse_twice(const struct conf_reader *r, const struct conf_section *s,
                        config_setting_t *list, int at, const char *name, struct fault *f)
{
    config_setting_t *group = config_setting_get_elem(list, (unsigned)at);

    for (int i = 0; i < at; i++) {
        config_setting_t *other = config_setting_get_elem(list, (unsigned)i);

        if (is_named(s, other, name))
            return conf_refuse(r, line_of(config_setting_get_member(group, s->keys[0].name)),
                               "conf.duplicate", s->keys[0].name, f,
                               "%s: \"%.64s\" is already there, at line %u", s->name, name,
                               line_of(config_setting_get_member(other, s->keys[0].name)));
    }
    return 0;
}

static int read_element(const struct conf_reader *r, const struct conf_section *s,
                        config_setting_t *list, int at, size_t n_builtin, struct fault *f)
{
    config_setting_t *group = config_setting_get_elem(list, (unsigned)at);
    const char *name;
    void *element = NULL;
    int rc = 0;

    if (config_setting_type(group) != CONFIG_TYPE_GROUP)
        return conf_refuse(r, line_of(group), "conf.type", s->name, f,
                           "%s: must be a list of groups: ( { ... }, { ... } )", s->name);
    name = name_of(s, group);
    if (name != NULL) {
        rc = refuse_twice(r, s, list, at, name, f);
        element = find_builtin(s, r->root, n_builtin, name);
    }
    if (rc < 0)
        return rc;
    if (element != NULL)
        return read_group(r, s, group, element, f);
    element = element_add(s, r->root);
    rc = read_group(r, s, group, element, f);
    return rc < 0 ? rc : complete(r, s, group, element, f);
}

static int read_elements(const struct conf_reader *r, const struct conf_section *s,
                         config_setting_t *list, struct fault *f)
{
    size_t n_builtin = conf_element_count(s, r->root);
    int n, rc = 0;

    if (config_setting_type(list) != CONFIG_TYPE_LIST)
        return conf_refuse(r, line_of(list), "conf.type", s->name, f,
                           "%s: must be a list of groups: ( { ... }, { ... } )", s->name);
    n = config_setting_length(list);
    if ((size_t)n > s->max)
        return conf_refuse(r, line_of(list), "conf.value", s->name, f, "%s: more than %zu", s->name,
                           s->max);
    for (int i = 0; i < n && rc == 0; i++)
        rc = read_element(r, s, list, i, n_builtin, f);
    return rc;
}

static int read_section(const struct conf_reader *r, const struct conf_section *s, struct fault *f)
{
    config_setting_t *setting = config_setting_get_member(config_root_setting(&r->file), s->name);
    int rc = 0;

    if (s->list)
        return setting == NULL ? 0 : read_elements(r, s, setting, f);
    if (setting != NULL && config_setting_type(setting) != CONFIG_TYPE_GROUP)
        return conf_refuse(r, line_of(setting), "conf.type", s->name, f,
                           "%s: must be a group: { key = value; }", s->name);
    if (setting != NULL)
        rc = read_group(r, s, setting, r->root, f);
    return rc < 0 ? rc : complete(r, s, setting, r->root, f);
}

static const struct conf_section *find_section(const struct conf_reader *r, const char *name)
{
    for (size_t i = 0; i < r->table->n; i++)
        if (strcmp(r->table->section[i]->name, name) == 0)
            return r->table->section[i];
    return NULL;
}

static int read_all(const struct conf_reader *r, struct fault *f)
{
    config_setting_t *root = config_root_setting(&r->file);
    int n = config_setting_length(root);
    int rc = 0;

    for (int i = 0; i < n; i++) {
        config_setting_t *setting = config_setting_get_elem(root, (unsigned)i);

        if (find_section(r, setting->name) == NULL)
            return unknown_section(r, setting, f);
    }
    for (size_t i = 0; i < r->table->n && rc == 0; i++)
        rc = read_section(r, r->table->section[i], f);
    return rc;
}

int conf_parse(struct conf_reader *r, const char *text, struct fault *f)
{
    struct fault why;
    unsigned line;

    if (conf_scan(slice_str(text), &line, &why) < 0)
        return conf_refuse(r, line, why.rule, "", f, "%s", why.text);
    if (config_read_string(&r->file, text) != CONFIG_TRUE)
        return conf_refuse(r, (unsigned)config_error_line(&r->file), "conf.syntax", "", f, "%s",
                           config_error_text(&r->file));
    return read_all(r, f);
}

static void clear_section(const struct conf_section *s, void *root)
{
    size_t n = s->list ? conf_element_count(s, root) : 1;

    for (size_t i = 0; i < n; i++) {
        void *element = s->list ? conf_element(s, root, i) : root;

        for (size_t k = 0; k < s->n_keys; k++)
            conf_value_clear(&s->keys[k], element);
    }
    if (s->list)
        free(*(void **)(void *)((uint8_t *)root + s->at));
}

void conf_clear(const struct conf_table *t, void *root)
{
    for (size_t i = 0; i < t->n; i++)
        clear_section(t->section[i], root);
}

/* The group, or the element of that name in a list; NULL: not in the file. */
static config_setting_t *find_group(const struct conf_reader *r, const char *section,
                                    const char *name)
{
    config_setting_t *list = config_setting_get_member(config_root_setting(&r->file), section);

    if (list == NULL || name == NULL)
        return list;
    for (int i = 0, n = config_setting_length(list); i < n; i++) {
        config_setting_t *group = config_setting_get_elem(list, (unsigned)i);

        if (is_named(find_section(r, section), group, name))
            return group;
    }
    return NULL;
}

bool conf_says(const struct conf_reader *r, const char *section, const char *name, const char *key)
{
    config_setting_t *group = find_group(r, section, name);

    return group != NULL && config_setting_get_member(group, key) != NULL;
}

unsigned conf_line(const struct conf_reader *r, const char *section, const char *name,
                   const char *key)
{
    config_setting_t *found = find_group(r, section, name), *member;

    if (found == NULL)
        return 0;
    member = key == NULL ? NULL : config_setting_get_member(found, key);
    return line_of(member != NULL ? member : found);
}
