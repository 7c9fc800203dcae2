/* Shared access signatures and the topics of streams' answers. Input: one byte that chooses, then a
 * token, or a topic. The oracle: what is accepted was signed with the key, and is refused with
 * another key, later, at another host or for something above it; a token that we sign ourselves is
 * accepted. */
#include "core/base/encoding.h"
#include "gateway/hub/azure/azure_topics.h"
#include "gateway/hub/azure/sas.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)

static const uint8_t key[] = "0123456789abcdef0123456789abcdef";

static enum sas_verdict verify(const struct sas *s, size_t n, const char *host, const char *path,
                               int64_t now)
{
    return sas_verify(s, key, n, span_of(host), span_of(path), now);
}

static bool is_inside(struct span part, struct span all)
{
    return part.p >= all.p && part.p + part.n <= all.p + all.n;
}

static void judge(struct span token)
{
    struct sas s;
    enum sas_verdict v = sas_parse(token, &s);
    if (v != SAS_OK) {
        MUST((v == SAS_MISSING || v == SAS_MALFORMED) && s.resource.p == NULL);
        return;
    }
    MUST(is_inside(s.resource, token) && is_inside(s.expiry, token) && s.resource.n > 0);
    MUST(strlen(s.policy) <= SAS_NAME_MAX && s.expires <= INT64_MAX / 1000);
    int64_t last = (int64_t)s.expires * 1000;
    MUST(verify(&s, 32, "hub", "/devices/pump", last) == SAS_EXPIRED);
    v = verify(&s, 32, "hub", "/devices/pump", last - 1000);
    MUST(v == SAS_OK || v == SAS_MISMATCH || v == SAS_SCOPE || s.expires == 0);
    MUST(s.expires == 0 || verify(&s, 31, "hub", "/", last - 1000) == SAS_MISMATCH);
    if (v == SAS_OK)
        MUST(verify(&s, 32, "hub2", "/devices/pump", last - 1000) == SAS_SCOPE);
}

/* The input is the resource of a token of ours. */
static void sign(struct span resource)
{
    char *token = malloc(resource.n + 400), base64[64], sig[200];
    uint8_t mac[HASH_SHA256_SIZE];
    struct hmac h;
    MUST(token != NULL);
    hmac_begin(&h, key, 32);
    hmac_add(&h, resource.p, resource.n);
    hmac_add(&h, "\n1795211736", 11);
    hmac_end(&h, mac);
    base64_encode(mac, sizeof mac, base64, false);
    percent_encode(span_of(base64), sig);
    int n = snprintf(token, 300, "SharedAccessSignature sig=%s&se=1795211736&sr=", sig);
    memcpy(token + n, resource.p, resource.n);
    struct span all = span_trim((struct span){token, (size_t)n + resource.n});
    struct sas s;
    if (sas_parse(all, &s) == SAS_OK && s.resource.n == resource.n) {
        enum sas_verdict v = verify(&s, 32, "hub", "/devices/pump", 1795211735000);
        MUST(v == SAS_OK || v == SAS_SCOPE);
        MUST(v == SAS_SCOPE || span_equal_nocase((struct span){resource.p, 3}, span_of("hub")) ||
             memchr(resource.p, '%', 9) != NULL);
    }
    free(token);
}

static void read_answer(struct span topic)
{
    struct azure_answer a;
    if (!azure_topic_read_answer(topic, &a)) {
        MUST(!a.accepted || a.rid[0] == '\0');
        return;
    }
    MUST(a.rid[0] != '\0' && memchr(a.rid, '\0', sizeof a.rid) != NULL);
    MUST(topic.n > strlen(a.rid) && memcmp(topic.p, "$iothub/streams/res/", 20) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct span rest = {(const char *)data + 1, size - 1};
    if (data[0] % 3 == 0)
        judge(rest);
    else if (data[0] % 3 == 1)
        sign(rest);
    else
        read_answer(rest);
    return 0;
}
