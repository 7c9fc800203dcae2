/* Bodies of the control API: every input is read as JSON and checked as the input of all
 * operations. The oracles: what is taken is still taken after cJSON has written it anew, and gets
 * the same verdicts; messages are valid UTF-8 of bounded length and can be sent and read back. */
#include "core/base/json_write.h"
#include "core/base/unicode.h"
#include "gateway/hub/api/json.h"
#include "gateway/hub/api/shapes.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)

#define MOST_MINUTES 720

static void must_be_utf8(struct span s)
{
    uint32_t c;
    for (size_t n; s.n > 0; s = (struct span){s.p + n, s.n - n}) {
        n = utf8_decode(s, &c);
        MUST(n > 0);
    }
}

/* Written and read, a text without NUL is the same. */
static void must_come_back(struct span s)
{
    struct json_writer w = {.bytes.limit = 1 << 20};
    enum err why;
    const char *problem;
    json_open(&w, NULL, '{');
    json_text(&w, "message", s);
    json_close(&w, '}');
    MUST(!w.failed);
    cJSON *j = json_object((struct span){(char *)w.bytes.data, w.bytes.size}, &why, &problem);
    MUST(j != NULL);
    MUST(span_is(s, cJSON_GetObjectItemCaseSensitive(j, "message")->valuestring));
    cJSON_Delete(j);
    buf_free(&w.bytes);
}

static void verdicts(const cJSON *j, enum err out[OPERATION_COUNT])
{
    for (enum operation o = 0; o < OPERATION_COUNT; o++) {
        struct buf text = {.limit = 2 * SHAPES_MAX_TEXT};
        out[o] = shapes_check(o, j, MOST_MINUTES, &text);
        MUST(out[o] == ERR_OK || out[o] == ERR_PROTOCOL || out[o] == ERR_USAGE);
        MUST((out[o] == ERR_OK) == (text.size == 0));
        must_be_utf8((struct span){(char *)text.data, text.size});
        must_come_back((struct span){(char *)text.data, text.size});
        buf_free(&text);
    }
}

/* Bytes that are no JSON at all go through the writer, as a header would. */
static void as_text(struct span s)
{
    struct json_writer w = {.bytes.limit = 8 * s.n + 64};
    json_text(&w, NULL, s);
    MUST(!w.failed);
    must_be_utf8((struct span){(char *)w.bytes.data, w.bytes.size});
    for (size_t i = 0; i < w.bytes.size; i++)
        MUST(w.bytes.data[i] >= ' ' && w.bytes.data[i] != 127);
    buf_free(&w.bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span body = {(const char *)data, size};
    enum err why, first[OPERATION_COUNT], second[OPERATION_COUNT];
    const char *problem;
    as_text(body);
    cJSON *j = json_object(body, &why, &problem);
    if (j == NULL) {
        MUST(why == ERR_PROTOCOL && problem != NULL);
        return 0;
    }
    MUST(cJSON_IsObject(j));
    verdicts(j, first);
    char *text = cJSON_PrintUnformatted(j);
    MUST(text != NULL);
    cJSON *again = json_object(span_of(text), &why, &problem);
    MUST(again != NULL);
    verdicts(again, second);
    MUST(memcmp(first, second, sizeof first) == 0);
    cJSON_Delete(again);
    free(text);
    cJSON_Delete(j);
    return 0;
}
