/* Where a client finds its AWS keys, as the AWS CLI does: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY
 * and AWS_SESSION_TOKEN; else the profile (AWS_PROFILE or "default") in the shared credentials file
 * (AWS_SHARED_CREDENTIALS_FILE or ~/.aws/credentials) and in the config file (AWS_CONFIG_FILE or
 * ~/.aws/config, sections "[profile NAME]" and "[default]"), which also give the region
 * (AWS_REGION, AWS_DEFAULT_REGION first) and a CA bundle (AWS_CA_BUNDLE first, ca_bundle). */
#ifndef CORE_AWS_CREDENTIALS_H
#define CORE_AWS_CREDENTIALS_H

#include "core/aws/sigv4.h"

struct aws_profile {
    struct sigv4_credentials credentials; /* key_id NULL: none were found */
    char *region;                         /* NULL: none */
    char *ca_bundle;                      /* NULL: none */
    /* NULL, or there are no keys, and a sentence says why: the profile gets them in a way that only
     * the AWS tools know (IAM Identity Center, a role, another program). */
    char *elsewhere;
};

/* profile: NULL for AWS_PROFILE or "default"; a name given here counts over keys in the environment
 * too, as with the CLI's --profile. get: getenv or a test's; an empty variable is as none. A file
 * that is not there is no error; ERR_NOT_FOUND with a sentence: a profile that was asked for by
 * name is in none of them; ERR_USAGE: half a key, or a file that cannot be parsed; ERR_PERMISSION,
 * and the others of file_read. Free the profile whatever the result. */
enum err aws_profile_read(const char *profile, const char *(*get)(const char *name),
                          struct aws_profile *out, char *text, size_t size);
void aws_profile_free(struct aws_profile *p); /* wipes */

#endif
