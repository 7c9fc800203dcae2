#include "gateway/ctl/ctl_json.h"

#include "core/base/secret.h"
#include "core/base/text.h"
#include "gateway/common/api/api_message.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEY_MAX 64

cJSON *ctl_json_put(cJSON *object, const char *key, cJSON *value)
{
    if (object != NULL && value != NULL && cJSON_AddItemToObject(object, key, value))
        return object;
    cJSON_Delete(object);
    cJSON_Delete(value);
    return NULL;
}

cJSON *ctl_json_push(cJSON *array, cJSON *value)
{
    if (array != NULL && value != NULL && cJSON_AddItemToArray(array, value))
        return array;
    cJSON_Delete(array);
    cJSON_Delete(value);
    return NULL;
}

const cJSON *ctl_json_at(const cJSON *j, const char *path)
{
    struct span rest = span_of(path);
    while (j != NULL && rest.n > 0) {
        struct span step = span_cut(&rest, '.');
        char key[KEY_MAX];
        snprintf(key, sizeof key, "%.*s", (int)step.n, step.p);
        j = cJSON_GetObjectItemCaseSensitive(j, key);
    }
    return j;
}

const char *ctl_json_text_at(const cJSON *j, const char *path)
{
    return cJSON_GetStringValue(ctl_json_at(j, path));
}

double ctl_json_number_at(const cJSON *j, const char *path)
{
    const cJSON *item = ctl_json_at(j, path);
    return cJSON_IsNumber(item) ? item->valuedouble : 0;
}

bool ctl_json_print(const cJSON *j)
{
    /* CJSON prints an empty object on two lines. */
    bool empty = cJSON_IsObject(j) && j->child == NULL;
    char *text = empty ? cJSON_PrintUnformatted(j) : cJSON_Print(j);
    if (text == NULL)
        return false;
    struct buf shown = {.limit = SIZE_MAX / 2};
    bool ok = text_put_json(&shown, span_of(text)) && buf_append(&shown, "\n", 1) &&
              fwrite(shown.data, 1, shown.size, stdout) == shown.size && fflush(stdout) == 0;
    secret_free(text);
    buf_wipe(&shown);
    return ok;
}

void ctl_json_wipe(cJSON *j)
{
    api_json_wipe(j);
}
