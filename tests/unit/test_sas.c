/* Shared access signatures: those that real clients sent, and everything that is wrong with others.
 */
#include "gateway/hub/azure/sas.h"

#include "core/base/encoding.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define DEVICE_KEY "fedcba9876543210fedcba9876543210"
#define SERVICE_KEY "0123456789abcdef0123456789abcdef"
#define NODE_SIG "dl%2Be7BIp5%2BOA%2BWcjLmpWTjI2DR6yaQs35Znr2uYbUV4%3D"

static enum sas_verdict judge_at(const char *token, const char *key, const char *host,
                                 const char *path, int64_t seconds)
{
    struct sas s;
    enum sas_verdict v = sas_parse(span_of(token), &s);
    return v != SAS_OK ? v
                       : sas_verify(&s, (const uint8_t *)key, strlen(key), span_of(host),
                                    span_of(path), 1000 * seconds);
}

/* The same at a time when all of the vectors are good. */
static enum sas_verdict judge(const char *token, const char *key, const char *host,
                              const char *path)
{
    return judge_at(token, key, host, path, 1795211000);
}

/* Signs whatever is given. */
static const char *make(const char *resource, const char *expiry, const char *key, const char *more)
{
    static char token[SAS_MAX + 200];
    struct hmac h;
    uint8_t mac[HASH_SHA256_SIZE];
    char base64[BASE64_SIZE(HASH_SHA256_SIZE)], sig[3 * sizeof base64];
    hmac_begin(&h, key, strlen(key));
    hmac_add(&h, resource, strlen(resource));
    hmac_add(&h, "\n", 1);
    hmac_add(&h, expiry, strlen(expiry));
    hmac_end(&h, mac);
    base64_encode(mac, sizeof mac, base64, false);
    percent_encode(span_of(base64), sig);
    snprintf(token, sizeof token, "SharedAccessSignature sr=%s&sig=%s&se=%s%s", resource, sig,
             expiry, more);
    return token;
}

static void test_vectors(void **state)
{
    (void)state;
    /* azure-iot-device 1.18.4, azure-iot-sdk-c 1.9.0, azure-iothub 1.10.0 */
    assert_int_equal(judge("SharedAccessSignature sr=localhost%3A18883%2Fdevices%2Fdev1&sig=d%2Bt0q"
                           "uc2RJ6V35Zu3gcrpJQF5Q%2BKaxVG%2Bgu4np%2FQQ38%3D&se=1795211732",
                           DEVICE_KEY, "localhost:18883", "/devices/dev1"),
                     SAS_OK);
    assert_int_equal(judge("SharedAccessSignature sr=127.0.0.1/devices/cdev1&sig=cnJBB2bxSCwhiOKXy%"
                           "2bt0BiTL8PGOW24jM%2bJT42rneGs%3d&se=1795211960",
                           DEVICE_KEY, "127.0.0.1", "/devices/cdev1"),
                     SAS_OK);
    assert_int_equal(judge("SharedAccessSignature sr=localhost&sig=" NODE_SIG
                           "&skn=service&se=1795211736",
                           SERVICE_KEY, "LOCALHOST:8443", "/twins/dev1/streams/SSH1"),
                     SAS_OK);
}

static void test_policy(void **state)
{
    struct sas s;
    (void)state;
    assert_int_equal(sas_parse(span_of("SharedAccessSignature sr=localhost&sig=" NODE_SIG
                                       "&skn=my%20policy&se=1795211736"),
                               &s),
                     SAS_OK);
    assert_string_equal(s.policy, "my policy");
    assert_int_equal(s.expires, 1795211736);
    assert_true(span_is(s.resource, "localhost"));
    assert_int_equal(sas_parse(span_of("SharedAccessSignature skn=&se=1&sr=h&sig=" NODE_SIG), &s),
                     SAS_OK);
    assert_string_equal(s.policy, "");
}

/* The signature may be encoded with either case of hex, or not at all. */
static void test_encodings(void **state)
{
    static const char *const sigs[] = {NODE_SIG,
                                       "dl%2be7BIp5%2bOA%2bWcjLmpWTjI2DR6yaQs35Znr2uYbUV4%3d",
                                       "dl+e7BIp5+OA+WcjLmpWTjI2DR6yaQs35Znr2uYbUV4=",
                                       "%64l%2Be7BIp5+OA%2bWcjLmpWTjI2DR6yaQs35Znr2uYbUV4="};
    char token[300];
    (void)state;
    for (size_t i = 0; i < sizeof sigs / sizeof *sigs; i++) {
        snprintf(token, sizeof token, "SharedAccessSignature sr=localhost&sig=%s&se=1795211736",
                 sigs[i]);
        assert_int_equal(judge(token, SERVICE_KEY, "localhost", "/"), SAS_OK);
    }
}

static void test_wrong(void **state)
{
    const char *good = "SharedAccessSignature sr=localhost&sig=" NODE_SIG "&se=1795211736";
    char token[300];
    (void)state;
    assert_int_equal(judge_at(good, SERVICE_KEY, "localhost", "/", 1795211735), SAS_OK);
    assert_int_equal(judge_at(good, SERVICE_KEY, "localhost", "/", 1795211736), SAS_EXPIRED);
    assert_int_equal(judge(good, DEVICE_KEY, "localhost", "/"), SAS_MISMATCH);
    assert_int_equal(judge(good, SERVICE_KEY, "other.example", "/"), SAS_SCOPE);
    assert_int_equal(judge(good, SERVICE_KEY, "localhost.example", "/"), SAS_SCOPE);
    assert_int_equal(judge(good, SERVICE_KEY, "", "/"), SAS_SCOPE);
    /* what is signed is the text as it stands there */
    snprintf(token, sizeof token, "%s", good);
    memcpy(strstr(token, "localhost"), "LOCALHOST", strlen("LOCALHOST"));
    assert_int_equal(judge(token, SERVICE_KEY, "localhost", "/"), SAS_MISMATCH);
    snprintf(token, sizeof token, "%s", good);
    memcpy(strstr(token, "1795211736"), "1795211737", strlen("1795211737"));
    assert_int_equal(judge(token, SERVICE_KEY, "localhost", "/"), SAS_MISMATCH);
}

static void test_malformed(void **state)
{
    static const struct {
        const char *token;
        enum sas_verdict verdict;
    } cases[] = {
        {"", SAS_MISSING},
        {"Bearer abc", SAS_MISSING},
        {"AWS4-HMAC-SHA256 Credential=x", SAS_MISSING},
        {"SharedAccessSignature", SAS_MALFORMED},
        {"SharedAccessSignature sr=h&se=1", SAS_MALFORMED},
        {"SharedAccessSignature sr=h&sig=" NODE_SIG, SAS_MALFORMED},
        {"SharedAccessSignature sig=" NODE_SIG "&se=1", SAS_MALFORMED},
        {"SharedAccessSignature sr=&sig=" NODE_SIG "&se=1", SAS_MALFORMED},
        {"SharedAccessSignature sr=h&sr=h&sig=" NODE_SIG "&se=1", SAS_MALFORMED},
        {"SharedAccessSignature sr=h&sig=" NODE_SIG "&se=1&se=1", SAS_MALFORMED},
        {"SharedAccessSignature sr=h&sig=" NODE_SIG "&se=-1", SAS_MALFORMED},
        {"SharedAccessSignature sr=h&sig=" NODE_SIG "&se=1.5", SAS_MALFORMED},
        {"SharedAccessSignature sr=h&sig=" NODE_SIG "&se=9999999999999999", SAS_MALFORMED},
        {"SharedAccessSignature sr=h&sig=AAAA&se=1", SAS_MALFORMED},
        {"SharedAccessSignature sr=h&sig=" NODE_SIG "AAAA&se=1", SAS_MALFORMED},
        {"SharedAccessSignature sr=h&sig=%00" NODE_SIG "&se=1", SAS_MALFORMED},
        {"SharedAccessSignature sr=h&sig=" NODE_SIG "&se=1&skn=a%0ab", SAS_MALFORMED},
        {"SharedAccessSignature sr=h&=x&sig=" NODE_SIG "&se=1", SAS_MALFORMED},
        {"sharedaccesssignature  sr=h&sig=" NODE_SIG "&se=1&more=x", SAS_OK},
    };
    struct sas s;
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (sas_parse(span_of(cases[i].token), &s) != cases[i].verdict)
            fail_msg("%s", cases[i].token);
    char *longer = malloc(SAS_MAX + 100);
    snprintf(longer, SAS_MAX + 100, "SharedAccessSignature sig=%s&se=1&sr=%*s", NODE_SIG, SAS_MAX,
             "h");
    assert_int_equal(sas_parse(span_of(longer), &s), SAS_MALFORMED);
    free(longer);
}

/* A token is for what it names and for all below that. */
static void test_scope(void **state)
{
    static const struct {
        const char *resource, *host, *path;
        bool fits;
    } cases[] = {
        {"hub.example", "hub.example", "/devices/pump", true},
        {"hub.example/", "hub.example:443", "/devices/pump", true},
        {"hub.example:443", "hub.example", "/devices/pump", true},
        {"hub.example:443", "hub.example:8443", "/devices/pump", false},
        {"Hub.Example%2fdevices%2Fpump", "hub.example", "/devices/pump", true},
        {"hub.example/devices/pump/", "hub.example", "/devices/pump", true},
        {"hub.example/devices/pum", "hub.example", "/devices/pump", false},
        {"hub.example/devices/pump-2", "hub.example", "/devices/pump", false},
        {"hub.example/devices/Pump", "hub.example", "/devices/pump", false},
        {"hub.example/devices/edge/modules/m", "hub.example", "/devices/edge/modules/m", true},
        {"hub.example/devices/edge", "hub.example", "/devices/edge/modules/m", true},
        {"hub.example/devices/edge/modules/m", "hub.example", "/devices/edge", false},
        {"hub.example/devices/a%2523", "hub.example", "/devices/a%23", true},
        {"hub.example/devices/a%2523", "hub.example", "/devices/a#", false},
        {"hub.example%00/devices", "hub.example", "/devices/pump", false},
        {"/devices/pump", "hub.example", "/devices/pump", false},
        {"hub.example.evil", "hub.example", "/", false},
        {"hub.example:", "hub.example", "/", false},
        {":443", "hub.example", "/", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *token = make(cases[i].resource, "1795211736", "k", "");
        if ((judge(token, "k", cases[i].host, cases[i].path) == SAS_OK) != cases[i].fits)
            fail_msg("%s for %s%s", cases[i].resource, cases[i].host, cases[i].path);
    }
}

/* Every byte of a token counts: whatever one is changed, it is refused. */
static void test_tampered(void **state)
{
    char token[400];
    size_t accepted = 0;
    (void)state;
    snprintf(token, sizeof token, "%s",
             make("hub.example%2Fdevices%2Fpump", "1795211736", DEVICE_KEY, ""));
    assert_int_equal(judge(token, DEVICE_KEY, "hub.example", "/devices/pump"), SAS_OK);
    for (size_t i = strlen("SharedAccessSignature "); i < strlen(token); i++) {
        char kept = token[i];
        for (int c = ' '; c < 127; c++) {
            token[i] = (char)c;
            accepted +=
                c != kept && judge(token, DEVICE_KEY, "hub.example", "/devices/pump") == SAS_OK;
        }
        token[i] = kept;
    }
    assert_in_range(accepted, 0, 4); /* the other case of a hex digit in the signature */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),   cmocka_unit_test(test_policy),
        cmocka_unit_test(test_encodings), cmocka_unit_test(test_wrong),
        cmocka_unit_test(test_malformed), cmocka_unit_test(test_scope),
        cmocka_unit_test(test_tampered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
