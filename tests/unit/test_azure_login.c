/* Devices that say who they are by a shared access signature; and how their keys are kept. */
#include "gateway/hub/azure/azure_login.h"

#include "core/base/encoding.h"
#include "gateway/hub/devices/device_keys.h"
#include "tests/unit/devices_help.h"

static uint8_t secrets_key[SEAL_KEY_SIZE] = "0123456789abcdef0123456789abcde";

static int64_t now(void)
{
    return clock_ms;
}

static struct azure_logins logins(void)
{
    return (struct azure_logins){.devices = devices, .secrets_key = secrets_key, .now = now};
}

static struct device_secret secret_of(const char *text)
{
    struct device_secret s = {.n = strlen(text)};
    memcpy(s.bytes, text, s.n);
    return s;
}

static void create(const char *name, const char *azure_id)
{
    struct device_record d = {.name = strdup(name)};
    struct device_keys k = {secret_of("primary key 1234"), secret_of("secondary key 12")};
    struct answer a = {0};
    assert_true(device_keys_seal(secrets_key, &k, &d));
    struct device_creation c = {
        .name = name, .azure_id = azure_id, .sealed = d.sealed, .n_sealed = d.n_sealed};
    device_registry_create(devices, &c, on_device, &a);
    UNTIL(loop, a.calls > 0);
    assert_int_equal(a.why, ERR_OK);
    answer_clear(&a);
    device_record_free(&d);
}

static struct {
    int calls;
    enum sas_verdict verdict;
    char device[129];
    int64_t expires;
} got;

static void on_login(void *ctx, const struct azure_login_answer *a)
{
    (void)ctx;
    got.calls++;
    got.verdict = a->verdict;
    got.expires = a->expires;
    assert_true((a->device != NULL) == (a->verdict == SAS_OK));
    snprintf(got.device, sizeof got.device, "%s", a->device != NULL ? a->device->name : "");
}

static enum sas_verdict check(const char *id, const char *host, const char *password)
{
    struct azure_logins l = logins();
    struct azure_login q = {span_of(id), span_of(host), span_of(password)};
    got.calls = 0;
    azure_login_check(&l, &q, on_login, NULL);
    assert_int_equal(got.calls, 1);
    return got.verdict;
}

/* A password for that resource, good for a minute from now. */
static const char *password(const char *resource, const char *key)
{
    static char text[600];
    char expiry[24], base64[64], sig[200];
    uint8_t mac[HASH_SHA256_SIZE];
    struct hmac h;
    snprintf(expiry, sizeof expiry, "%lld", (long long)(clock_ms / 1000 + 60));
    hmac_begin(&h, key, strlen(key));
    hmac_add(&h, resource, strlen(resource));
    hmac_add(&h, "\n", 1);
    hmac_add(&h, expiry, strlen(expiry));
    hmac_end(&h, mac);
    base64_encode(mac, sizeof mac, base64, false);
    percent_encode(span_of(base64), sig);
    snprintf(text, sizeof text, "SharedAccessSignature sr=%s&sig=%s&se=%s", resource, sig, expiry);
    return text;
}

static void test_logs_in(void **state)
{
    (void)state;
    create("pump", NULL);
    create("valve", "edge/valve.1");
    assert_int_equal(check("pump", "hub", password("hub%2Fdevices%2Fpump", "primary key 1234")),
                     SAS_OK);
    assert_string_equal(got.device, "pump");
    assert_int_equal(got.expires, clock_ms / 1000 * 1000 + 60000);
    assert_int_equal(check("pump", "hub:8883", password("hub/devices/pump", "secondary key 12")),
                     SAS_OK);
    assert_int_equal(check("edge/valve.1", "hub",
                           password("hub/devices/edge/modules/valve.1", "primary key 1234")),
                     SAS_OK);
    assert_string_equal(got.device, "valve");
}

static void test_refuses(void **state)
{
    const char *resource = "hub/devices/pump", *key = "primary key 1234";
    char policy[700], longer[SAS_MAX + 2];
    (void)state;
    create("pump", NULL);
    enrol("plain", 0, NULL);
    assert_int_equal(check("pump", "hub", ""), SAS_MISSING);
    assert_int_equal(check("pump", "hub", "a password"), SAS_MISSING);
    assert_int_equal(check("pump", "hub", "SharedAccessSignature x"), SAS_MALFORMED);
    assert_int_equal(check("pump", "other", password(resource, key)), SAS_SCOPE);
    assert_int_equal(check("pump", "hub", password("hub/devices/pump-2", key)), SAS_SCOPE);
    assert_int_equal(check("pump", "hub", password(resource, "another key 1234")), SAS_MISMATCH);
    assert_int_equal(check("PUMP", "hub", password("hub/devices/PUMP", key)), SAS_UNKNOWN);
    assert_int_equal(check("nobody", "hub", password("hub", key)), SAS_UNKNOWN);
    assert_int_equal(check("plain", "hub", password("hub", key)), SAS_UNKNOWN);
    assert_int_equal(check("", "hub", password("hub", key)), SAS_UNKNOWN);
    assert_int_equal(check("a/b/c", "hub", password("hub", key)), SAS_UNKNOWN);
    snprintf(policy, sizeof policy, "%s&skn=service", password(resource, key));
    assert_int_equal(check("pump", "hub", policy), SAS_UNKNOWN);
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    assert_int_equal(check("pump", "hub", longer), SAS_MALFORMED);
    const char *late = password(resource, key);
    clock_ms += 60000;
    assert_int_equal(check("pump", "hub", late), SAS_EXPIRED);
    secrets_key[0]++;
    assert_int_equal(check("pump", "hub", password(resource, key)), SAS_UNKNOWN);
    secrets_key[0]--;
    struct azure_logins none = {.devices = devices, .now = now};
    azure_login_check(
        &none,
        &(struct azure_login){span_of("pump"), span_of("hub"), span_of(password(resource, key))},
        on_login, NULL);
    assert_int_equal(got.verdict, SAS_UNKNOWN);
}

static void test_seals(void **state)
{
    static const char name[] = "pump";
    uint8_t sealed[40 + SEAL_EXTRA], again[sizeof sealed], plain[40] = "forty bytes", out[40];
    (void)state;
    seal(secrets_key, span_of(name), plain, sizeof plain, sealed);
    seal(secrets_key, span_of(name), plain, sizeof plain, again);
    assert_memory_not_equal(sealed, again, sizeof sealed);
    assert_true(seal_open(secrets_key, span_of(name), sealed, sizeof sealed, out));
    assert_memory_equal(out, plain, sizeof out);
    assert_false(seal_open(secrets_key, span_of("valve"), sealed, sizeof sealed, out));
    assert_false(seal_open(secrets_key, span_of(name), sealed, SEAL_EXTRA - 1, out));
    for (size_t i = 0; i < sizeof sealed; i++) {
        sealed[i] ^= 1;
        assert_false(seal_open(secrets_key, span_of(name), sealed, sizeof sealed, out));
        sealed[i] ^= 1;
    }
    secrets_key[31] ^= 1;
    assert_false(seal_open(secrets_key, span_of(name), sealed, sizeof sealed, out));
    secrets_key[31] ^= 1;
}

static void test_keeps_keys(void **state)
{
    struct device_record d = {.name = (char[]){"pump"}}, other = {.name = (char[]){"valve"}};
    struct device_keys k, back;
    (void)state;
    assert_true(device_secret_from(span_of("MDEyMzQ1Njc4OWFiY2RlZg=="), &k.primary));
    assert_int_equal(k.primary.n, 16);
    device_secret_new(&k.secondary);
    assert_int_equal(k.secondary.n, 32);
    assert_false(device_secret_from(span_of("MDEyMzQ1Njc4OWFiY2Rl"), &back.primary)); /* 15 bytes */
    assert_false(device_secret_from(span_of("no base64"), &back.primary));
    assert_true(device_keys_seal(secrets_key, &k, &d));
    assert_true(device_keys_open(secrets_key, &d, &back));
    assert_int_equal(back.primary.n, 16);
    assert_memory_equal(back.primary.bytes, "0123456789abcdef", 16);
    assert_memory_equal(back.secondary.bytes, k.secondary.bytes, 32);
    assert_true(device_record_seal(&other, d.sealed, d.n_sealed)); /* somebody copied the row */
    assert_false(device_keys_open(secrets_key, &other, &back));
    device_record_seal(&d, NULL, 0);
    device_record_seal(&other, NULL, 0);
    assert_false(device_keys_open(secrets_key, &d, &back));
}

static void test_reads_the_key(void **state)
{
    static const struct {
        const char *text;
        mode_t mode;
        enum err why;
    } cases[] = {
        {"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\n", 0600, ERR_OK},
        {"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=", 0400, ERR_OK},
        {"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\n", 0644, ERR_PERMISSION},
        {"MDEyMzQ1Njc4OWFiY2RlZg==\n", 0600, ERR_USAGE},
        {"", 0600, ERR_USAGE},
    };
    char path[128], text[256];
    uint8_t key[SEAL_KEY_SIZE];
    (void)state;
    snprintf(path, sizeof path, "%s/secrets-key", folder);
    assert_int_equal(device_keys_read_secret(path, key, text, sizeof text), ERR_NOT_FOUND);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        FILE *f = fopen(path, "w");
        fputs(cases[i].text, f);
        fclose(f);
        chmod(path, cases[i].mode);
        assert_int_equal(device_keys_read_secret(path, key, text, sizeof text), cases[i].why);
        if (cases[i].why == ERR_OK)
            assert_memory_equal(key, "0123456789abcdef0123456789abcdef", SEAL_KEY_SIZE);
        unlink(path);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_logs_in),    TEST(test_refuses),       TEST(test_seals),
        TEST(test_keeps_keys), TEST(test_reads_the_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
