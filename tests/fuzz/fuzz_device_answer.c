/* What a hub says about devices: an answer to ConnectDevice is a tunnel to the device that was
 * asked for, with a token that fits a header, or a sentence of printable ASCII; a row of
 * ListDevices is one line of four cells. The first byte chooses the status, the rest is the body.
 */
#include "gateway/source/device_list.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)

static void is_printable(const char *text)
{
    for (const char *p = text; *p != '\0'; p++)
        MUST(*p >= ' ' && *p <= '~');
}

static void look_at_answer(const struct api_answer *a)
{
    struct devices_answer d;
    char fold[DEVICE_NAME_MAX + 1];
    devices_answer_read(a, "pump-07", 1790000000000, &d);
    is_printable(d.text);
    if (d.why != ERR_OK) {
        MUST(d.text[0] != '\0');
        return;
    }
    MUST(device_name_fold(span_of(d.device), fold) && strcmp(fold, "pump-07") == 0);
    MUST(device_name_valid(span_of(d.tunnel_id)));
    MUST(d.token[0] != '\0' && strchr(d.token, ' ') == NULL);
    is_printable(d.token);
}

/* ---- the list ---- */

static struct api_call_options asked;
static unsigned calls;
static bool done;

static struct api_call *fake_call(void *api, const struct api_call_options *o, enum err *why)
{
    (void)api, (void)why;
    cJSON_Delete(o->input);
    asked = *o;
    calls++;
    return (struct api_call *)(void *)&asked;
}

static void fake_cancel(struct api_call *call)
{
    (void)call;
}

static void look_at_rows(void *owner, const char *problem, struct span rows)
{
    size_t cells = 1;
    (void)owner;
    done = true;
    MUST(problem == NULL);
    for (size_t i = 0; i < rows.n; i++) {
        char c = rows.p[i];
        MUST(c == '\t' || c == '\n' || (c >= ' ' && c <= '~'));
        cells += c == '\t';
        if (c == '\n') {
            MUST(cells == 4);
            cells = 1;
        }
    }
    MUST(cells == 1 && (rows.n == 0 || rows.p[rows.n - 1] == '\n'));
}

/* All pages are the same one; a list without an end is cut. */
static void look_at_list(const struct api_answer *page, const struct names *names)
{
    static const struct devices_api api = {.call = fake_call, .cancel = fake_cancel};
    const struct device_list_options o = {.api = &api, .names = names, .done = look_at_rows};
    done = false;
    calls = 0;
    if (device_list_start(&o) == NULL)
        return;
    while (!done) {
        struct api_answer a = *page;
        MUST(calls < 1000);
        asked.done(asked.owner, &a);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct names *names;
    if (names == NULL)
        names = names_new();
    if (names == NULL || size == 0)
        return 0;
    cJSON *body = cJSON_ParseWithLength((const char *)data + 1, size - 1);
    struct api_answer a = {.why = ERR_OK, .output = body};
    if (data[0] % 2 == 0) {
        look_at_answer(&a);
        look_at_list(&a, names);
    } else if (api_failure_read("", body, &a.failure)) {
        a.why = ERR_REJECTED;
        look_at_answer(&a);
    }
    api_json_wipe(body);
    return 0;
}
