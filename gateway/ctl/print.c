#include "gateway/ctl/print.h"

#include "core/base/text.h"
#include "core/base/unicode.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

char *print_time(double epoch_seconds, char out[32])
{
    time_t t = epoch_seconds > 0 && epoch_seconds < 253402300800.0 ? (time_t)epoch_seconds : 0;
    struct tm parts;
    if (t == 0 || gmtime_r(&t, &parts) == NULL ||
        strftime(out, 32, "%Y-%m-%d %H:%M UTC", &parts) == 0)
        snprintf(out, 32, "-");
    return out;
}

/* ---- texts ---- */

/* Cuts text after `most` characters (0: no limit) and appends "...". */
static void cut(char *text, size_t most)
{
    struct span rest = span_of(text);
    if (most < 4 || utf8_count(rest) <= most)
        return;
    for (size_t count = 0; count < most - 3; count++) {
        uint32_t c;
        size_t n = utf8_decode(rest, &c);
        rest = (struct span){rest.p + n, rest.n - n};
    }
    memcpy(text + (rest.p - text), "...", 4);
}

char *print_safe(const char *text, size_t most, char *out, size_t size)
{
    bool none = text == NULL || text[0] == '\0';
    text_copy(span_of(none ? "-" : text), TEXT_UTF8, out, size);
    cut(out, most);
    return out;
}

char *print_list(const cJSON *texts, char *out, size_t size)
{
    const cJSON *item;
    size_t used = 0;
    snprintf(out, size, "-");
    cJSON_ArrayForEach(item, texts)
    {
        char one[160];
        if (!cJSON_IsString(item) || used >= size)
            continue;
        int n = snprintf(out + used, size - used, "%s%s", used > 0 ? ", " : "",
                         print_safe(item->valuestring, 0, one, sizeof one));
        used += n > 0 ? (size_t)n : 0;
    }
    return out;
}

char *print_labels(const cJSON *labels, char *out, size_t size)
{
    const cJSON *label;
    size_t used = 0;
    snprintf(out, size, "-");
    cJSON_ArrayForEach(label, labels)
    {
        char key[160], value[300];
        const char *text = ctl_json_text_at(label, "value");
        if (used >= size)
            break;
        print_safe(ctl_json_text_at(label, "key"), 0, key, sizeof key);
        print_safe(text, 0, value, sizeof value);
        int n = snprintf(out + used, size - used, "%s%s=%s", used > 0 ? ", " : "", key,
                         text != NULL && text[0] != '\0' ? value : "");
        used += n > 0 ? (size_t)n : 0;
    }
    return out;
}

double print_expiry(const cJSON *tunnel)
{
    double created = ctl_json_number_at(tunnel, "createdAt");
    double minutes = ctl_json_number_at(tunnel, "timeoutConfig.maxLifetimeTimeoutMinutes");
    return created > 0 && minutes > 0 ? created + minutes * 60 : 0;
}

/* ---- tables ---- */

static void print_cell(const char *text, size_t width, bool last)
{
    size_t wide = utf8_count(span_of(text));
    printf("%s%*s", text, last ? 0 : (int)(width > wide ? width - wide : 0) + 2, "");
}

void print_table(const cJSON *array, const struct print_column *columns, size_t n)
{
    size_t width[PRINT_COLUMNS_MAX];
    char text[CELL];
    const cJSON *item;
    for (size_t i = 0; i < n; i++)
        width[i] = strlen(columns[i].head);
    cJSON_ArrayForEach(item, array)
    {
        for (size_t i = 0; i < n; i++) {
            columns[i].cell(item, text);
            size_t wide = utf8_count(span_of(text));
            width[i] = wide > width[i] ? wide : width[i];
        }
    }
    for (size_t i = 0; i < n; i++)
        print_cell(columns[i].head, width[i], i == n - 1);
    putchar('\n');
    cJSON_ArrayForEach(item, array)
    {
        for (size_t i = 0; i < n; i++) {
            columns[i].cell(item, text);
            print_cell(text, width[i], i == n - 1);
        }
        putchar('\n');
    }
}

/* ---- a tunnel ---- */

void print_field(const char *name, const char *text)
{
    char safe[9000];
    printf("  %-11s  %s\n", name, print_safe(text, 0, safe, sizeof safe));
}

static void print_end(const char *name, const cJSON *state)
{
    const char *status = ctl_json_text_at(state, "status");
    double since = ctl_json_number_at(state, "lastUpdatedAt");
    char time[32], text[80];
    bool connected = status != NULL && strcmp(status, "CONNECTED") == 0;
    if (since > 0)
        snprintf(text, sizeof text, "%s since %s", connected ? "connected" : "not connected",
                 print_time(since, time));
    else
        snprintf(text, sizeof text, connected ? "connected" : "not connected yet");
    print_field(name, text);
}

static void print_tags(const cJSON *tags)
{
    const cJSON *tag;
    const char *name = "tags";
    cJSON_ArrayForEach(tag, tags)
    {
        const char *key = ctl_json_text_at(tag, "key"), *value = ctl_json_text_at(tag, "value");
        char text[1000];
        snprintf(text, sizeof text, "%s=%s", key != NULL ? key : "", value != NULL ? value : "");
        print_field(name, text);
        name = "";
    }
    if (cJSON_GetArraySize(tags) == 0)
        print_field(name, NULL);
}

void print_tunnel(const cJSON *tunnel)
{
    char safe[200], services[9000], time[32];
    const char *status = ctl_json_text_at(tunnel, "status");
    printf("Tunnel %s\n", print_safe(ctl_json_text_at(tunnel, "tunnelId"), 0, safe, sizeof safe));
    print_field("ARN", ctl_json_text_at(tunnel, "tunnelArn"));
    print_field("status", status);
    print_field("thing", ctl_json_text_at(tunnel, "destinationConfig.thingName"));
    print_field("services", print_list(ctl_json_at(tunnel, "destinationConfig.services"), services,
                                       sizeof services));
    print_field("description", ctl_json_text_at(tunnel, "description"));
    print_end("source", ctl_json_at(tunnel, "sourceConnectionState"));
    print_end("destination", ctl_json_at(tunnel, "destinationConnectionState"));
    print_field("created", print_time(ctl_json_number_at(tunnel, "createdAt"), time));
    print_field("updated", print_time(ctl_json_number_at(tunnel, "lastUpdatedAt"), time));
    if (status != NULL && strcmp(status, "OPEN") == 0)
        print_field("until", print_time(print_expiry(tunnel), time));
    print_tags(ctl_json_at(tunnel, "tags"));
}
