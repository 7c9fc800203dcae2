#include "gateway/hub/api/model.h"

#include "gateway/hub/devices/device_registry.h"

/* ---- texts ---- */

static const struct pattern name_pattern = {
    .text = "[a-zA-Z0-9:_-]+", .also = ":_-", .least = 1, .most = MODEL_NO_MAX};
static const struct pattern glob_pattern = {
    .text = "[a-zA-Z0-9:_*?-]+", .also = ":_-*?", .least = 1, .most = MODEL_NO_MAX};
static const struct pattern id_pattern = {
    .text = "[a-zA-Z0-9_\\-+=:]{1,128}", .also = "_-+=:", .least = 1, .most = 128};
static const struct pattern key_id_pattern = {
    .text = "[a-zA-Z0-9_+.@-]{1,128}", .also = "_+.@-", .least = 1, .most = 128};
static const struct pattern token_pattern = {
    .text = "[a-zA-Z0-9_=-]{1,4096}", .also = "_=-", .least = 1, .most = 4096};
static const struct pattern azure_id_pattern = {
    .text = "[A-Za-z0-9.:+%_#*?!(),=@;$'-]{1,128}(/[A-Za-z0-9.:+%_#*?!(),=@;$'-]{1,128})?",
    .also = ".:+%_#*?!(),=@;$'-/",
    .least = 1,
    .most = DEVICE_AZURE_ID_MAX};
static const struct pattern secret_pattern = {
    .text = "[A-Za-z0-9+/=]{1,88}", .also = "+/=", .least = 1, .most = 88};
static const struct pattern description_pattern = {
    .text = "[^\\p{C}]{1,2048}", .of = PATTERN_NO_CONTROL, .also = "", .least = 1, .most = 2048};
static const struct pattern tag_pattern = {.text = "^([\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]*)$",
                                           .of = PATTERN_TEXT,
                                           .also = "_.:/=+-@",
                                           .most = MODEL_NO_MAX};

static const char *const presences[] = {"PRESENT", "AWAY", NULL};
static const char *const device_states[] = {"ENABLED", "DISABLED", NULL};
static const char *const key_choices[] = {"PRIMARY", "SECONDARY", "BOTH", NULL};
static const char *const client_modes[] = {"SOURCE", "DESTINATION", "ALL", NULL};

static const struct shape name = {.least = 1, .most = 128, .pattern = &name_pattern};
static const struct shape tunnel_id = {.most = MODEL_NO_MAX, .pattern = &id_pattern};
static const struct shape key_id = {.most = MODEL_NO_MAX, .pattern = &key_id_pattern};
static const struct shape next_token = {.most = MODEL_NO_MAX, .pattern = &token_pattern};
static const struct shape description = {.most = MODEL_NO_MAX, .pattern = &description_pattern};
static const struct shape tag_key = {.least = 1, .most = 128, .pattern = &tag_pattern};
static const struct shape tag_value = {.most = 256, .pattern = &tag_pattern};
static const struct shape arn = {.least = 1, .most = 1011};
static const struct shape reason = {.least = 1, .most = 256, .pattern = &description_pattern};
static const struct shape glob = {.least = 1, .most = 128, .pattern = &glob_pattern};
static const struct shape presence = {.most = MODEL_NO_MAX, .words = presences};
static const struct shape device_state = {.most = MODEL_NO_MAX, .words = device_states};
static const struct shape azure_id = {.most = MODEL_NO_MAX, .pattern = &azure_id_pattern};
static const struct shape secret = {.most = MODEL_NO_MAX, .pattern = &secret_pattern};
static const struct shape key_choice = {.most = MODEL_NO_MAX, .words = key_choices};
static const struct shape client_mode = {.most = MODEL_NO_MAX, .words = client_modes};

/* ---- numbers, lists, structures ---- */

static const struct shape flag = {.type = SHAPE_BOOLEAN};
static const struct shape max_results = {.type = SHAPE_INTEGER, .least = 1, .most = 100};
static const struct shape minutes = {
    .type = SHAPE_INTEGER, .least = 1, .most = MODEL_LIFETIME_MINUTES, .limited = true};

static const struct shape timeout_seconds = {.type = SHAPE_INTEGER, .least = 1, .most = 60};
static const struct shape idle_seconds = {.type = SHAPE_INTEGER, .least = 10, .most = 86400};
static const struct shape uses = {.type = SHAPE_INTEGER, .least = 1, .most = 1000000};
static const struct shape invitation_minutes = {
    .type = SHAPE_INTEGER, .least = 1, .most = 525600}; /* a year */

static const struct shape services = {
    .type = SHAPE_LIST, .least = 1, .most = MODEL_NO_MAX, .item = &name};
static const struct shape tag_keys = {.type = SHAPE_LIST, .most = 200, .item = &tag_key};

static const struct member tag_members[] = {
    {"key", &tag_key, true}, {"value", &tag_value, true}, {NULL, NULL, false}};
static const struct shape tag = {.type = SHAPE_STRUCTURE, .members = tag_members};
static const struct shape tags = {.type = SHAPE_LIST, .least = 1, .most = 200, .item = &tag};

static const struct shape labels = {
    .type = SHAPE_LIST, .least = 1, .most = DEVICE_LABELS_MAX, .item = &tag};
static const struct shape globs = {.type = SHAPE_LIST, .least = 1, .most = 50, .item = &glob};

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

/* ---- input of the hub's own operations ---- */

static const struct member connect_members[] = {{"device", &name, true},
                                                {"service", &name, false},
                                                {"services", &services, false},
                                                {"reason", &reason, false},
                                                {"timeoutSeconds", &timeout_seconds, false},
                                                {"idleSeconds", &idle_seconds, false},
                                                {NULL, NULL, false}};
static const struct member list_devices_members[] = {{"labels", &labels, false},
                                                     {"presence", &presence, false},
                                                     {"maxResults", &max_results, false},
                                                     {"nextToken", &next_token, false},
                                                     {NULL, NULL, false}};
static const struct member device_members[] = {{"device", &name, true}, {NULL, NULL, false}};
static const struct member update_device_members[] = {{"device", &name, true},
                                                      {"state", &device_state, false},
                                                      {"labels", &labels, false},
                                                      {"removeLabels", &tag_keys, false},
                                                      {NULL, NULL, false}};
static const struct member create_device_members[] = {
    {"device", &name, true},        {"azureId", &azure_id, false},    {"labels", &labels, false},
    {"primaryKey", &secret, false}, {"secondaryKey", &secret, false}, {NULL, NULL, false}};
static const struct member rotate_keys_members[] = {
    {"device", &name, true}, {"key", &key_choice, false}, {NULL, NULL, false}};
static const struct member create_invitation_members[] = {
    {"names", &globs, true},   {"labels", &labels, false},
    {"uses", &uses, false},    {"lifetimeMinutes", &invitation_minutes, false},
    {"approve", &flag, false}, {NULL, NULL, false}};
static const struct member list_invitations_members[] = {{"nextToken", &next_token, false},
                                                         {NULL, NULL, false}};
static const struct member invitation_members[] = {{"invitationId", &tunnel_id, true},
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
        [OPERATION_CONNECT_DEVICE] = {.type = SHAPE_STRUCTURE, .members = connect_members},
        [OPERATION_LIST_DEVICES] = {.type = SHAPE_STRUCTURE, .members = list_devices_members},
        [OPERATION_DESCRIBE_DEVICE] = {.type = SHAPE_STRUCTURE, .members = device_members},
        [OPERATION_UPDATE_DEVICE] = {.type = SHAPE_STRUCTURE, .members = update_device_members},
        [OPERATION_RESET_DEVICE] = {.type = SHAPE_STRUCTURE, .members = device_members},
        [OPERATION_DELETE_DEVICE] = {.type = SHAPE_STRUCTURE, .members = device_members},
        [OPERATION_CREATE_DEVICE] = {.type = SHAPE_STRUCTURE, .members = create_device_members},
        [OPERATION_ROTATE_DEVICE_KEYS] = {.type = SHAPE_STRUCTURE, .members = rotate_keys_members},
        [OPERATION_CREATE_INVITATION] = {.type = SHAPE_STRUCTURE,
                                         .members = create_invitation_members},
        [OPERATION_LIST_INVITATIONS] = {.type = SHAPE_STRUCTURE,
                                        .members = list_invitations_members},
        [OPERATION_DELETE_INVITATION] = {.type = SHAPE_STRUCTURE, .members = invitation_members},
    };
    return &inputs[o];
}
