#include "lib/key_thread.h"

#include <openssl/bn.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/log.h"

struct thread_state {
    EVP_MD_CTX *md_ctx;
    BN_CTX *bn_ctx;
    EVP_PKEY_CTX *import[KEY_TYPE_MAX + 1];
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t state_key;
static EVP_MD *sha1_md, *sha256_md, *sha384_md, *sha512_md;
static __thread struct thread_state *state;

static void *must(void *p, const char *what)
{
    if (p == NULL) {
        log_error("crypto.unavailable", "what", what, NULL);
        _exit(EXIT_FAILURE);
    }
    return p;
}

static void free_state(void *arg)
{
    struct thread_state *s = arg;

    EVP_MD_CTX_free(s->md_ctx);
    BN_CTX_free(s->bn_ctx);
    for (size_t i = 0; i <= KEY_TYPE_MAX; i++)
        EVP_PKEY_CTX_free(s->import[i]);
    free(s);
    /* Another destructor of this thread may still hash. */
    state = NULL;
}

static void start(void)
{
    if (pthread_key_create(&state_key, free_state) != 0)
        must(NULL, "pthread_key_create");
    sha1_md = must(EVP_MD_fetch(NULL, "SHA1", NULL), "SHA1");
    sha256_md = must(EVP_MD_fetch(NULL, "SHA256", NULL), "SHA256");
    sha384_md = must(EVP_MD_fetch(NULL, "SHA384", NULL), "SHA384");
    sha512_md = must(EVP_MD_fetch(NULL, "SHA512", NULL), "SHA512");
}

static void start_once(void)
{
    if (pthread_once(&once, start) != 0)
        must(NULL, "pthread_once");
}

const EVP_MD *md_sha1(void)
{
    start_once();
    return sha1_md;
}

const EVP_MD *md_of_length(size_t octets)
{
    start_once();
    return octets == 32 ? sha256_md : octets == 48 ? sha384_md : sha512_md;
}

static struct thread_state *thread_state(void)
{
    if (state != NULL)
        return state;
    start_once();
    state = xcalloc(1, sizeof(*state));
    if (pthread_setspecific(state_key, state) != 0)
        must(NULL, "pthread_setspecific");
    return state;
}

EVP_MD_CTX *thread_md_ctx(void)
{
    struct thread_state *s = thread_state();

    if (s->md_ctx == NULL)
        s->md_ctx = must(EVP_MD_CTX_new(), "EVP_MD_CTX_new");
    return s->md_ctx;
}

BN_CTX *thread_bn_ctx(void)
{
    struct thread_state *s = thread_state();

    if (s->bn_ctx == NULL)
        s->bn_ctx = must(BN_CTX_new(), "BN_CTX_new");
    return s->bn_ctx;
}

static EVP_PKEY_CTX *new_import_ctx(enum key_type t)
{
    const char *name = t == KEY_RSA ? "RSA" : "ED25519";
    EVP_PKEY_CTX *c = must(EVP_PKEY_CTX_new_from_name(NULL, name, NULL), name);

    if (EVP_PKEY_fromdata_init(c) <= 0)
        must(NULL, "EVP_PKEY_fromdata_init");
    return c;
}

EVP_PKEY_CTX *thread_import_ctx(enum key_type t)
{
    struct thread_state *s = thread_state();

    if (s->import[t] == NULL)
        s->import[t] = new_import_ctx(t);
    return s->import[t];
}
