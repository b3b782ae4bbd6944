#include "lib/shellword.h"

#include <string.h>

static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                            "/._-+,:@%";

void shellword_put(struct buf *out, const char *text)
{
    if (text[0] != '\0' && text[strspn(text, plain)] == '\0') {
        buf_put_str(out, text);
        return;
    }
    buf_put_u8(out, '\'');
    for (; *text != '\0'; text++) {
        if (*text == '\'')
            buf_put_str(out, "'\\'");
        buf_put_u8(out, (uint8_t)*text);
    }
    buf_put_u8(out, '\'');
}
