#include "core/settings/settings.h"

#include "core/base/file.h"
#include "core/base/log.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_MAX = 256, DEPTH_MAX = 16 };

static const struct option table[] = {
    {.name = "settings-json",
     .argument = "FILE",
     .help = "Read fine settings from a JSON file, as --export-default-settings writes it."},
    {.name = "export-default-settings",
     .argument = "FILE",
     .help = "Write such a file with the defaults and exit."},
};
const struct option_group settings_options = OPTION_GROUP("Settings", table);

/* What the reference program exports, and its defaults. An option with such a key has an effect;
 * the other keys size buffers and frames that are built differently here. */
static const struct {
    const char *key, *value;
} defaults[] = {
    {"tunneling.proxy.default_bind_address", "localhost"},
    {"tunneling.proxy.message.data_length_size", "2"},
    {"tunneling.proxy.message.data_frame_max_size", "65538"},
    {"tunneling.proxy.message.max_payload_size", "64512"},
    {"tunneling.proxy.message.max_size", "65536"},
    {"tunneling.proxy.tcp.connection_retry_count", "5"},
    {"tunneling.proxy.tcp.connection_retry_delay_ms", "2500"},
    {"tunneling.proxy.tcp.read_buffer_size", "131076"},
    {"tunneling.proxy.tcp.max_active_connections", "128"},
    {"tunneling.proxy.websocket.ping_period_ms", "20000"},
    {"tunneling.proxy.websocket.retry_delay_ms", "2500"},
    {"tunneling.proxy.websocket.connect_retry_count", "-1"},
    {"tunneling.proxy.websocket.reconnect_on_data_error", "true"},
    {"tunneling.proxy.websocket.subprotocol", "aws.iot.securetunneling-3.0"},
    {"tunneling.proxy.websocket.max_frame_size", "131076"},
    {"tunneling.proxy.websocket.write_buffer_size", "131076"},
    {"tunneling.proxy.websocket.read_buffer_size", "131076"},
    {"tunneling.proxy.region_endpoint_overrides.cn-north-1",
     "data.tunneling.iot.cn-north-1.amazonaws.com.cn"},
    {"tunneling.proxy.region_endpoint_overrides.cn-northwest-1",
     "data.tunneling.iot.cn-northwest-1.amazonaws.com.cn"},
};

static bool is_known(const char *key)
{
    for (size_t i = 0; i < sizeof defaults / sizeof *defaults; i++)
        if (strcmp(defaults[i].key, key) == 0)
            return true;
    /* The reference program reads this key and does not export it. */
    return strcmp(key, "tunneling.proxy.tcp.write_buffer_size") == 0;
}

/* ---- reading ---- */

static enum err set(struct options *o, const char *path, const char *key, const char *value)
{
    char text[2 * KEY_MAX];
    enum err why = options_setting(o, key, value);
    if (why == ERR_NOT_FOUND && is_known(key))
        log_debug("%s: %s has no effect here", path, key);
    else if (why == ERR_NOT_FOUND)
        log_warning("%s: there is no setting %s", path,
                    str_escape(span_of(key), text, sizeof text));
    else
        return why;
    return ERR_OK;
}

/* Returns a leaf as text; NULL when a setting cannot have such a value. */
static const char *leaf(const cJSON *item, char *number, size_t size)
{
    if (cJSON_IsString(item))
        return item->valuestring;
    if (cJSON_IsBool(item))
        return cJSON_IsTrue(item) ? "true" : "false";
    if (!cJSON_IsNumber(item))
        return NULL;
    snprintf(number, size, "%.17g", item->valuedouble);
    return number;
}

static enum err walk(struct options *o, const char *path, const cJSON *object, const char *prefix,
                     int depth)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, object)
    {
        char key[KEY_MAX], number[40], quoted[KEY_MAX];
        const char *value = leaf(item, number, sizeof number);
        enum err why;
        if (item->string == NULL || depth == DEPTH_MAX ||
            snprintf(key, sizeof key, "%s%s%s", prefix, *prefix != '\0' ? "." : "", item->string) >=
                (int)sizeof key)
            return options_fail(o, "%s: the settings below %s are not objects of a sane depth",
                                path, str_escape(span_of(prefix), quoted, sizeof quoted));
        if (cJSON_IsObject(item))
            why = walk(o, path, item, key, depth + 1);
        else if (value != NULL)
            why = set(o, path, key, value);
        else
            why = options_fail(o, "%s: %s should be a string", path,
                               str_escape(span_of(key), quoted, sizeof quoted));
        if (why != ERR_OK)
            return why;
    }
    return ERR_OK;
}

static int line_of(struct span text, const char *at)
{
    int line = 1;
    for (const char *p = text.p; p < at && p < text.p + text.n; p++)
        line += *p == '\n';
    return line;
}

enum err settings_text(struct options *o, const char *path, struct span text)
{
    const char *end = text.p;
    cJSON *root = cJSON_ParseWithLengthOpts(text.p, text.n, &end, false);
    while (root != NULL && end < text.p + text.n && strchr(" \t\r\n", *end) != NULL)
        end++;
    if (root == NULL || end != text.p + text.n || !cJSON_IsObject(root)) {
        cJSON_Delete(root);
        return options_fail(o, "%s:%d: this is not a JSON object", path, line_of(text, end));
    }
    enum err why = walk(o, path, root, "", 0);
    cJSON_Delete(root);
    return why;
}

enum err settings_load(struct options *o, const char *path)
{
    char problem[300];
    struct span text;
    enum err why = file_read(path, FILE_CONFIG_MAX, &text, problem, sizeof problem);
    if (why != ERR_OK) {
        options_fail(o, "--settings-json: %s", problem);
        return why;
    }
    why = settings_text(o, path, text);
    file_wipe(&text);
    return why;
}

/* ---- writing ---- */

/* Finds or makes the object that `key` lives in; *name becomes the last part of key. */
static cJSON *object_for(cJSON *root, const char *key, const char **name)
{
    const char *dot;
    while ((dot = strchr(key, '.')) != NULL) {
        char part[KEY_MAX];
        snprintf(part, sizeof part, "%.*s", (int)(dot - key), key);
        cJSON *next = cJSON_GetObjectItemCaseSensitive(root, part);
        root = next != NULL ? next : cJSON_AddObjectToObject(root, part);
        if (root == NULL)
            return NULL;
        key = dot + 1;
    }
    *name = key;
    return root;
}

static char *print_defaults(void)
{
    cJSON *root = cJSON_CreateObject();
    bool ok = root != NULL;
    for (size_t i = 0; ok && i < sizeof defaults / sizeof *defaults; i++) {
        const char *name;
        cJSON *object = object_for(root, defaults[i].key, &name);
        ok = object != NULL && cJSON_AddStringToObject(object, name, defaults[i].value) != NULL;
    }
    char *text = ok ? cJSON_Print(root) : NULL;
    cJSON_Delete(root);
    return text;
}

enum err settings_export(struct options *o, const char *path)
{
    char *text = print_defaults();
    if (text == NULL) {
        options_fail(o, "out of memory");
        return ERR_NO_MEMORY;
    }
    FILE *f = fopen(path, "w");
    bool ok = f != NULL && fprintf(f, "%s\n", text) > 0;
    int problem = errno;
    if (f != NULL && fclose(f) != 0) {
        problem = errno;
        ok = false;
    }
    free(text);
    if (ok)
        return ERR_OK;
    options_fail(o, "--export-default-settings: cannot write %s: %s", path, strerror(problem));
    return ERR_IO;
}
