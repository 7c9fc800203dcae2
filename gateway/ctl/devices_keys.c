/* tunnelctl devices create, tunnelctl devices keys: devices with symmetric keys, and the connection
 * strings by which Azure's SDKs take them. */
#include "core/base/file.h"
#include "core/base/text.h"
#include "gateway/ctl/devices.h"
#include "gateway/ctl/print.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define KEYS_FILE_MAX 4096

static const struct {
    const char *member, *name;
} keys[] = {{"primaryKey", "primary"}, {"secondaryKey", "secondary"}};
enum { KEYS = sizeof keys / sizeof *keys };

/* ---- the answer ---- */

/* Only what stands unchanged in a connection string and on a screen is a key, or an id. */
static const char *plain_at(const cJSON *answer, const char *member)
{
    const char *text = ctl_json_text_at(answer, member);
    for (size_t i = 0; text != NULL && text[i] != '\0'; i++)
        if (text[i] <= ' ' || text[i] > '~')
            return NULL;
    return text != NULL && text[0] != '\0' ? text : NULL;
}

/* An id "edge/valve" is that of a module. */
static void print_string(const struct ctl *c, const char *name, const char *id, const char *key)
{
    struct span module = span_of(id), device = span_cut(&module, '/');
    printf("  %-9s  HostName=%s;DeviceId=%.*s%s%.*s;SharedAccessKey=%s\n", name,
           c->api.endpoint.host, (int)device.n, device.p, module.n > 0 ? ";ModuleId=" : "",
           (int)module.n, module.p, key);
}

static int print_keys(struct ctl *c, const cJSON *answer, const char *done)
{
    const char *id = plain_at(answer, "azureId"), *key;
    char safe[200];
    if (ctl_wants_json(c))
        return ctl_print_json(answer);
    if (id == NULL)
        return ctl_fail("the hub's answer has no azureId");
    text_line(stdout, "%s %s; what follows is shown only now:", done,
              print_safe(ctl_json_text_at(answer, "device"), 0, safe, sizeof safe));
    for (size_t i = 0; i < KEYS; i++)
        if ((key = plain_at(answer, keys[i].member)) != NULL)
            print_string(c, keys[i].name, id, key);
    return CTL_OK;
}

/* Takes the input over. */
static int call(struct ctl *c, const char *operation, cJSON *input, const char *done)
{
    cJSON *answer;
    int code = ctl_call(c, operation, input, &answer);
    if (code == CTL_OK)
        code = print_keys(c, answer, done);
    ctl_json_wipe(answer);
    return code == CTL_OK ? ctl_flush() : code;
}

/* ---- create ---- */

static struct span next_line(struct span *rest)
{
    struct span line = span_cut(rest, '\n');
    while (line.n > 0 && isspace((unsigned char)line.p[line.n - 1]))
        line.n--;
    return line;
}

static cJSON *put_line(cJSON *input, const char *member, struct span line)
{
    char *text = span_dup(line);
    input = ctl_json_put(input, member, text != NULL ? cJSON_CreateString(text) : NULL);
    if (text != NULL)
        explicit_bzero(text, line.n);
    free(text);
    return input;
}

/* The keys that the device has already: the first line is the primary one, the second the other. */
static cJSON *put_keys(struct options *o, cJSON *input)
{
    const char *path = options_get(o, "keys-file");
    char text[300];
    struct span bytes;
    if (path == NULL)
        return input;
    if (file_read(path, KEYS_FILE_MAX, &bytes, text, sizeof text) != ERR_OK) {
        options_fail(o, "--keys-file: %s", text);
        return input;
    }
    struct span rest = bytes;
    for (size_t i = 0; i < KEYS; i++) {
        struct span line = next_line(&rest);
        if (line.n == 0)
            options_reject(o, "keys-file", "has no two lines, with one key in each");
        input = put_line(input, keys[i].member, line);
    }
    file_wipe(&bytes);
    return input;
}

int devices_create(struct ctl *c, char *const *names, size_t n)
{
    struct options *o = c->options;
    const char *azure_id = options_get(o, "azure-id");
    cJSON *input = ctl_json_put(cJSON_CreateObject(), "device", cJSON_CreateString(names[0]));
    (void)n;
    if (azure_id != NULL)
        input = ctl_json_put(input, "azureId", cJSON_CreateString(azure_id));
    input = devices_put_labels(o, input);
    if (options_problem(o)[0] == '\0')
        input = put_keys(o, input);
    if (options_problem(o)[0] != '\0') {
        ctl_json_wipe(input);
        return ctl_usage(c);
    }
    return call(c, "TunnelHub.CreateDevice", input, "Created");
}

/* ---- keys ---- */

int devices_keys(struct ctl *c, char *const *names, size_t n)
{
    static const char *const choices[][2] = {
        {"primary", "PRIMARY"}, {"secondary", "SECONDARY"}, {"both", "BOTH"}};
    const char *which = options_get(c->options, "rotate"), *key = NULL;
    (void)n;
    for (size_t i = 0; which != NULL && i < sizeof choices / sizeof *choices; i++)
        if (strcmp(which, choices[i][0]) == 0)
            key = choices[i][1];
    if (which != NULL && key == NULL) {
        options_reject(c->options, "rotate", "is primary, secondary or both");
        return ctl_usage(c);
    }
    cJSON *input = ctl_json_put(cJSON_CreateObject(), "device", cJSON_CreateString(names[0]));
    if (key != NULL)
        input = ctl_json_put(input, "key", cJSON_CreateString(key));
    return call(c, "TunnelHub.RotateDeviceKeys", input, "New keys of");
}
