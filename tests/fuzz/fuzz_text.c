/* Any bytes at the gate that outside texts pass (core/base/text.h) and in what is written with
 * them. The oracles: nothing that a terminal obeys comes out, a text that was shown is shown as it
 * is, and JSON is what a reader takes for the same text. */
#include "core/base/json_write.h"
#include "core/base/log.h"
#include "core/base/prometheus.h"
#include "core/base/text.h"
#include "core/base/unicode.h"

#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)

static void must_be_harmless(struct span s)
{
    while (s.n > 0) {
        uint32_t c;
        size_t n = utf8_decode(s, &c);
        MUST(n > 0 && text_shows(c));
        s = (struct span){s.p + n, s.n - n};
    }
}

static void shown(struct span s)
{
    struct buf once = {.limit = SIZE_MAX / 2}, twice = {.limit = SIZE_MAX / 2};
    char cut[100];
    MUST(text_put(&once, s));
    struct span out = {(const char *)once.data, once.size};
    must_be_harmless(out);
    MUST(text_put(&twice, out));
    MUST(twice.size == once.size &&
         (once.size == 0 || memcmp(once.data, twice.data, once.size) == 0));
    must_be_harmless(span_of(text_copy(s, TEXT_UTF8, cut, sizeof cut)));
    for (const char *p = text_copy(s, TEXT_ASCII, cut, sizeof cut); *p != '\0'; p++)
        MUST(*p >= ' ' && *p <= '~');
    for (const char *p = str_escape(s, cut, sizeof cut); *p != '\0'; p++)
        MUST(*p >= ' ' && *p <= '~');
    buf_free(&once);
    buf_free(&twice);
}

static void as_json(struct span s)
{
    struct json_writer w = {.bytes.limit = SIZE_MAX / 2};
    json_open(&w, NULL, '{');
    json_text(&w, "t", s);
    json_close(&w, '}');
    MUST(!w.failed);
    must_be_harmless((struct span){(const char *)w.bytes.data, w.bytes.size});
    cJSON *j = cJSON_ParseWithLength((const char *)w.bytes.data, w.bytes.size);
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItem(j, "t"));
    bool zero = s.n > 0 && memchr(s.p, '\0', s.n) != NULL; /* cJSON ends a text there */
    MUST(zero || text != NULL);
    cJSON_Delete(j);
    buf_free(&w.bytes);
}

static void as_metric(const char *text)
{
    struct buf out = {.limit = SIZE_MAX / 2};
    const struct prometheus_label label = {"service", text};
    prometheus_number(&out, "n", &label, 1, 7);
    const char *end = out.size > 0 ? memchr(out.data, '\n', out.size) : NULL;
    MUST(end == (const char *)out.data + out.size - 1); /* one line */
    must_be_harmless((struct span){(const char *)out.data, out.size - 1});
    buf_free(&out);
}

static void see(void *ctx, enum log_level level, const char *line)
{
    (void)ctx, (void)level;
    must_be_harmless(span_of(line));
}

static void as_log(const char *text)
{
    const struct log_field field = {"text", text, 0};
    log_redirect(see, NULL);
    for (int json = 0; json <= 1; json++) {
        log_setup(LOG_DEBUG, json == 1); /* no limit */
        log_info("%s", text);
        log_event(LOG_INFO, "event", &field, 1);
    }
    log_redirect(NULL, NULL);
    log_setup(LOG_OFF, false);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span s = {(const char *)data, size};
    char *text = span_dup(s);
    MUST(text != NULL);
    shown(s);
    as_json(s);
    as_metric(text);
    as_log(text);
    free(text);
    return 0;
}
