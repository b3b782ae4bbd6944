#include <string.h>

#include "tools/tool.h"

static const struct {
    enum format format;
    const char *name;
} formats[] = {
    {FORMAT_TEXT, "text"}, {FORMAT_TABLE, "table"}, {FORMAT_PEM, "pem"},
    {FORMAT_JSON, "json"}, {FORMAT_CSV, "csv"},     {FORMAT_DER, "der"},
    {FORMAT_P7B, "p7b"},   {FORMAT_JKS, "jks"},     {FORMAT_HTML, "html"},
};

enum format format_parse(const char *text)
{
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
        if (strcmp(text, formats[i].name) == 0)
            return formats[i].format;
    return 0;
}

void formats_print(unsigned allowed, const char *between, struct buf *out)
{
    const char *sep = "";

    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        if ((allowed & (unsigned)formats[i].format) == 0)
            continue;
        buf_printf(out, "%s%s", sep, formats[i].name);
        sep = between;
    }
}
