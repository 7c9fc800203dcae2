/* A client's AWS keys, found as the AWS CLI does: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and
 * AWS_SESSION_TOKEN; else the profile (AWS_PROFILE or "default") in the shared credentials file
 * (AWS_SHARED_CREDENTIALS_FILE or ~/.aws/credentials) and in the config file (AWS_CONFIG_FILE or
 * ~/.aws/config, sections "[profile NAME]" and "[default]"), which also give the region
 * (AWS_REGION, AWS_DEFAULT_REGION first) and a CA bundle (AWS_CA_BUNDLE first, ca_bundle). */
#ifndef CORE_AWS_CREDENTIALS_H
#define CORE_AWS_CREDENTIALS_H

#include "core/aws/sigv4.h"

struct aws_profile {
    struct sigv4_credentials credentials; /* key_id NULL: no keys were found */
    char *region;                         /* NULL: not configured */
    char *ca_bundle;                      /* NULL: not configured */
    /* NULL, or a sentence that says why there are no keys: the profile gets them in a way that only
     * the AWS tools support (IAM Identity Center, a role, another program). */
    char *elsewhere;
};

/* Reads a profile. profile: NULL for AWS_PROFILE or "default"; a name given here also counts over
 * keys in the environment, as with the CLI's --profile. get: getenv or a test's; an empty variable
 * counts as unset, and a missing file is no error. ERR_NOT_FOUND with a sentence: no file has the
 * profile that was asked for by name; ERR_USAGE: half a key, or a file that cannot be parsed;
 * ERR_PERMISSION, and the others of file_read. The caller frees the profile whatever the result. */
enum err aws_profile_read(const char *profile, const char *(*get)(const char *name),
                          struct aws_profile *out, char *text, size_t size);
void aws_profile_free(struct aws_profile *p); /* wipes the keys */

#endif
