/*
 * The reference: what the token signs, raw, through nothing of ours.
 *
 *   token_rate MODULE TOKEN-LABEL PIN-FILE KEY-LABEL THREADS SECONDS
 *
 * Prints signatures a second by C_SignInit and C_Sign over a 32-octet digest (EC) or
 * its DigestInfo (RSA, CKM_RSA_PKCS).
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <p11-kit/pkcs11.h>

static CK_FUNCTION_LIST_PTR p11;
static CK_SLOT_ID slot;
static double seconds;
static const char *key_label;

static _Noreturn void die(const char *what, CK_RV rv)
{
    fprintf(stderr, "token_rate: %s (0x%lx)\n", what, rv);
    exit(1);
}

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void load_module(const char *path)
{
    void *so = dlopen(path, RTLD_NOW);
    CK_C_GetFunctionList get = NULL;
    CK_C_INITIALIZE_ARGS args = {.flags = CKF_OS_LOCKING_OK};
    CK_RV rv;

    if (so != NULL)
        *(void **)&get = dlsym(so, "C_GetFunctionList");
    if (get == NULL)
        die("cannot load the module", 0);
    if ((rv = get(&p11)) != CKR_OK || (rv = p11->C_Initialize(&args)) != CKR_OK)
        die("C_Initialize", rv);
}

static void find_slot(const char *label)
{
    CK_SLOT_ID slots[64];
    CK_ULONG n = 64;
    CK_TOKEN_INFO info;

    if (p11->C_GetSlotList(CK_TRUE, slots, &n) != CKR_OK)
        die("C_GetSlotList", 0);
    for (CK_ULONG i = 0; i < n; i++) {
        if (p11->C_GetTokenInfo(slots[i], &info) != CKR_OK)
            continue;
        if (strncmp((char *)info.label, label, strlen(label)) == 0 &&
            (strlen(label) == 32 || info.label[strlen(label)] == ' ')) {
            slot = slots[i];
            return;
        }
    }
    die("no such token", 0);
}

static CK_OBJECT_HANDLE find_key(CK_SESSION_HANDLE session)
{
    CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
    CK_ATTRIBUTE want[] = {
        {CKA_CLASS, &class, sizeof(class)},
        {CKA_LABEL, (void *)(uintptr_t)key_label, strlen(key_label)},
    };
    CK_OBJECT_HANDLE key;
    CK_ULONG n = 0;

    if (p11->C_FindObjectsInit(session, want, 2) != CKR_OK ||
        p11->C_FindObjects(session, &key, 1, &n) != CKR_OK || n != 1)
        die("no such key", 0);
    p11->C_FindObjectsFinal(session);
    return key;
}

static CK_KEY_TYPE type_of(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key)
{
    CK_KEY_TYPE type = 0;
    CK_ATTRIBUTE get = {CKA_KEY_TYPE, &type, sizeof(type)};

    if (p11->C_GetAttributeValue(session, key, &get, 1) != CKR_OK)
        die("C_GetAttributeValue", 0);
    return type;
}

static void *sign_until(void *arg)
{
    unsigned long *count = arg;
    CK_SESSION_HANDLE session;
    CK_OBJECT_HANDLE key;
    CK_BYTE digest[51] = {1}, signature[1024];
    CK_ULONG n, length;
    CK_MECHANISM mechanism = {CKM_ECDSA, NULL, 0};
    double end;

    if (p11->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &session) != CKR_OK)
        die("C_OpenSession", 0);
    key = find_key(session);
    length = 32;
    if (type_of(session, key) == CKK_RSA) {
        mechanism.mechanism = CKM_RSA_PKCS;
        length = sizeof(digest);
    }
    for (end = now() + seconds; now() < end; ++*count) {
        CK_RV rv = p11->C_SignInit(session, &mechanism, key);

        n = sizeof(signature);
        digest[0]++;
        if (rv != CKR_OK || (rv = p11->C_Sign(session, digest, length, signature, &n)) != CKR_OK)
            die("C_Sign", rv);
    }
    return NULL;
}

static void login(const char *pin_file)
{
    FILE *file = fopen(pin_file, "re");
    char pin[256];
    CK_SESSION_HANDLE session;
    CK_RV rv;

    if (file == NULL || fgets(pin, sizeof(pin), file) == NULL)
        die("cannot read the PIN file", 0);
    fclose(file);
    pin[strcspn(pin, "\n")] = '\0';
    rv = p11->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &session);
    if (rv != CKR_OK ||
        (rv = p11->C_Login(session, CKU_USER, (CK_BYTE *)pin, strlen(pin))) != CKR_OK)
        die("C_Login", rv);
}

int main(int argc, char **argv)
{
    pthread_t thread[16];
    unsigned long count[16] = {0}, total = 0;
    int n;
    double start;

    if (argc != 7)
        die("usage: token_rate MODULE TOKEN PIN-FILE KEY THREADS SECONDS", 0);
    n = (int)strtol(argv[5], NULL, 10);
    seconds = strtod(argv[6], NULL);
    key_label = argv[4];
    if (n < 1 || n > 16)
        die("1 to 16 threads", 0);
    load_module(argv[1]);
    find_slot(argv[2]);
    login(argv[3]);
    start = now();
    for (int i = 0; i < n; i++)
        pthread_create(&thread[i], NULL, sign_until, &count[i]);
    for (int i = 0; i < n; i++) {
        pthread_join(thread[i], NULL);
        total += count[i];
    }
    printf("%.0f\n", (double)total / (now() - start));
    return 0;
}
