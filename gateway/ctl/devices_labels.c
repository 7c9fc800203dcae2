#include "gateway/ctl/devices.h"
#include "gateway/ctl/tag.h"

cJSON *devices_labels(struct options *o, const char *option, const char *(*next)(void *ctx),
                      void *ctx)
{
    cJSON *labels = cJSON_CreateArray();
    char safe[80];
    for (const char *text; labels != NULL && (text = next(ctx)) != NULL;) {
        if (tag_is(text)) {
            labels = ctl_json_push(labels, tag_json(text));
            continue;
        }
        cJSON_Delete(labels);
        labels = NULL;
        str_escape(span_of(text), safe, sizeof safe);
        if (option != NULL)
            options_reject(o, option, "is not KEY=VALUE");
        else
            options_fail(o, "\"%s\" is not KEY=VALUE", safe);
    }
    return labels;
}
