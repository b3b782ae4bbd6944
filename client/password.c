#include "client/password.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <openssl/ui.h>

#include "lib/file.h"
#include "lib/key.h"

static int from_file(const char *path, struct buf *out, struct fault *f)
{
    struct buf text = {0};
    int rc = file_read(path, PASSWORD_MAX, &text, f);
    size_t n = 0;

    while (n < text.n && text.p[n] != '\n' && text.p[n] != '\r')
        n++;
    if (rc == 0)
        buf_put(out, text.p, n);
    buf_free(&text);
    return rc;
}

static int ask(const char *what, bool twice, char first[PASSWORD_MAX], char again[PASSWORD_MAX])
{
    UI *ui = UI_new();
    char prompt[128];
    int ok;

    if (ui == NULL)
        return -1;
    (void)snprintf(prompt, sizeof(prompt), "Password of %s: ", what);
    ok = UI_add_input_string(ui, prompt, 0, first, 1, PASSWORD_MAX - 1) >= 0 &&
         (!twice ||
          UI_add_verify_string(ui, "Once more: ", 0, again, 1, PASSWORD_MAX - 1, first) >= 0) &&
         UI_process(ui) == 0;
    UI_free(ui);
    return ok ? 0 : -1;
}

static int from_terminal(const char *what, bool twice, struct buf *out, struct fault *f)
{
    char first[PASSWORD_MAX] = "", again[PASSWORD_MAX] = "";
    int rc = 0;

    if (!isatty(STDIN_FILENO))
        return fault_set(f, FAULT_CONFIG, "password",
                         "a password is needed: --password-file FILE, or a terminal to ask on");
    if (ask(what, twice, first, again) == 0)
        buf_put_str(out, first);
    else
        rc = fault_set(f, FAULT_MALFORMED, "password", "%s",
                       twice ? "no password, or not the same one twice" : "no password");
    wipe(first, sizeof(first));
    wipe(again, sizeof(again));
    return rc;
}

static int get(const char *file, const char *what, bool twice, struct buf *out, struct fault *f)
{
    int rc;

    buf_init(out, PASSWORD_MAX);
    rc = file != NULL ? from_file(file, out, f) : from_terminal(what, twice, out, f);
    if (rc == 0 && out->n == 0)
        rc = fault_set(f, FAULT_MALFORMED, "password", "the password is empty");
    if (rc == 0 && memchr(out->p, 0, out->n) != NULL)
        rc = fault_set(f, FAULT_MALFORMED, "password", "the password has a NUL in it");
    return rc;
}

int password_get(const char *file, const char *what, struct buf *out, struct fault *f)
{
    return get(file, what, true, out, f);
}

int password_ask(const char *file, const char *what, struct buf *out, struct fault *f)
{
    return get(file, what, false, out, f);
}
