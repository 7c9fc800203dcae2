#include "gateway/hub/api/model.h"

/* ---- texts ---- */

static const struct pattern name_pattern = {
    .text = "[a-zA-Z0-9:_-]+", .also = ":_-", .least = 1, .most = MODEL_NO_MAX};
static const struct pattern id_pattern = {
    .text = "[a-zA-Z0-9_\\-+=:]{1,128}", .also = "_-+=:", .least = 1, .most = 128};
static const struct pattern key_id_pattern = {
    .text = "[a-zA-Z0-9_+.@-]{1,128}", .also = "_+.@-", .least = 1, .most = 128};
static const struct pattern token_pattern = {
    .text = "[a-zA-Z0-9_=-]{1,4096}", .also = "_=-", .least = 1, .most = 4096};
static const struct pattern description_pattern = {
    .text = "[^\\p{C}]{1,2048}", .of = PATTERN_NO_CONTROL, .also = "", .least = 1, .most = 2048};
static const struct pattern tag_pattern = {.text = "^([\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]*)$",
                                           .of = PATTERN_TEXT,
                                           .also = "_.:/=+-@",
                                           .most = MODEL_NO_MAX};

static const char *const client_modes[] = {"SOURCE", "DESTINATION", "ALL", NULL};

static const struct shape name = {.least = 1, .most = 128, .pattern = &name_pattern};
static const struct shape tunnel_id = {.most = MODEL_NO_MAX, .pattern = &id_pattern};
static const struct shape key_id = {.most = MODEL_NO_MAX, .pattern = &key_id_pattern};
static const struct shape next_token = {.most = MODEL_NO_MAX, .pattern = &token_pattern};
static const struct shape description = {.most = MODEL_NO_MAX, .pattern = &description_pattern};
static const struct shape tag_key = {.least = 1, .most = 128, .pattern = &tag_pattern};
static const struct shape tag_value = {.most = 256, .pattern = &tag_pattern};
static const struct shape arn = {.least = 1, .most = 1011};
static const struct shape client_mode = {.most = MODEL_NO_MAX, .words = client_modes};

/* ---- numbers, lists, structures ---- */

static const struct shape flag = {.type = SHAPE_BOOLEAN};
static const struct shape max_results = {.type = SHAPE_INTEGER, .least = 1, .most = 100};
static const struct shape minutes = {
    .type = SHAPE_INTEGER, .least = 1, .most = MODEL_LIFETIME_MINUTES, .limited = true};

static const struct shape services = {
    .type = SHAPE_LIST, .least = 1, .most = MODEL_NO_MAX, .item = &name};
static const struct shape tag_keys = {.type = SHAPE_LIST, .most = 200, .item = &tag_key};

static const struct member tag_members[] = {
    {"key", &tag_key, true}, {"value", &tag_value, true}, {NULL, NULL, false}};
static const struct shape tag = {.type = SHAPE_STRUCTURE, .members = tag_members};
static const struct shape tags = {.type = SHAPE_LIST, .least = 1, .most = 200, .item = &tag};

static const struct member destination_members[] = {
    {"thingName", &name, false}, {"services", &services, true}, {NULL, NULL, false}};
static const struct shape destination = {.type = SHAPE_STRUCTURE, .members = destination_members};

static const struct member timeout_members[] = {{"maxLifetimeTimeoutMinutes", &minutes, false},
                                                {NULL, NULL, false}};
static const struct shape timeout = {.type = SHAPE_STRUCTURE, .members = timeout_members};

/* ---- input of the operations ---- */

static const struct member open_members[] = {{"description", &description, false},
                                             {"tags", &tags, false},
                                             {"destinationConfig", &destination, false},
                                             {"timeoutConfig", &timeout, false},
                                             {NULL, NULL, false}};
static const struct member close_members[] = {
    {"tunnelId", &tunnel_id, true}, {"delete", &flag, false}, {NULL, NULL, false}};
static const struct member describe_members[] = {{"tunnelId", &tunnel_id, true},
                                                 {NULL, NULL, false}};
static const struct member list_members[] = {{"thingName", &name, false},
                                             {"maxResults", &max_results, false},
                                             {"nextToken", &next_token, false},
                                             {NULL, NULL, false}};
static const struct member rotate_members[] = {{"tunnelId", &tunnel_id, true},
                                               {"clientMode", &client_mode, true},
                                               {"destinationConfig", &destination, false},
                                               {NULL, NULL, false}};
static const struct member tag_resource_members[] = {
    {"resourceArn", &arn, true}, {"tags", &tags, true}, {NULL, NULL, false}};
static const struct member untag_members[] = {
    {"resourceArn", &arn, true}, {"tagKeys", &tag_keys, true}, {NULL, NULL, false}};
static const struct member list_tags_members[] = {{"resourceArn", &arn, true}, {NULL, NULL, false}};
static const struct member cut_key_members[] = {{"accessKeyId", &key_id, true},
                                                {NULL, NULL, false}};

const struct shape *model_input(enum operation o)
{
    static const struct shape inputs[OPERATION_COUNT] = {
        [OPERATION_OPEN] = {.type = SHAPE_STRUCTURE, .members = open_members},
        [OPERATION_CLOSE] = {.type = SHAPE_STRUCTURE, .members = close_members},
        [OPERATION_DESCRIBE] = {.type = SHAPE_STRUCTURE, .members = describe_members},
        [OPERATION_LIST] = {.type = SHAPE_STRUCTURE, .members = list_members},
        [OPERATION_ROTATE] = {.type = SHAPE_STRUCTURE, .members = rotate_members},
        [OPERATION_TAG] = {.type = SHAPE_STRUCTURE, .members = tag_resource_members},
        [OPERATION_UNTAG] = {.type = SHAPE_STRUCTURE, .members = untag_members},
        [OPERATION_LIST_TAGS] = {.type = SHAPE_STRUCTURE, .members = list_tags_members},
        [OPERATION_CUT_KEY] = {.type = SHAPE_STRUCTURE, .members = cut_key_members},
    };
    return &inputs[o];
}
