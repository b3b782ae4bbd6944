#include "tools/memory.h"

#include <jansson.h>
#include <stdlib.h>

#include <openssl/crypto.h>

#include "lib/buf.h"
#include "tools/tool.h"

static void *library_realloc(void *old, size_t n)
{
    if (n > 0)
        return xreallocarray(old, n, 1);
    free(old);
    return NULL;
}

static void *library_malloc(size_t n)
{
    return library_realloc(NULL, n);
}

static void *crypto_malloc(size_t n, const char *file, int line)
{
    (void)file, (void)line;
    return library_realloc(NULL, n);
}

static void *crypto_realloc(void *old, size_t n, const char *file, int line)
{
    (void)file, (void)line;
    return library_realloc(old, n);
}

static void crypto_free(void *p, const char *file, int line)
{
    (void)file, (void)line;
    free(p);
}

void memory_or_end(void)
{
    out_of_memory_ends_with(EXIT_UNKNOWN);
    json_set_alloc_funcs(library_malloc, free);
    if (CRYPTO_set_mem_functions(crypto_malloc, crypto_realloc, crypto_free) != 1)
        out_of_memory(); /* it has allocated before: that is a mistake of ours */
}
