#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/aws/credentials.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char root[] = "/tmp/test-credentials-XXXXXX";

/* The environment of the profile under test. */
static struct {
    const char *name, *value;
} environment[10];

static const char *get(const char *name)
{
    for (size_t i = 0; i < 10 && environment[i].name != NULL; i++)
        if (strcmp(environment[i].name, name) == 0)
            return environment[i].value;
    return NULL;
}

static void set(const char *name, const char *value)
{
    size_t i = 0;
    while (environment[i].name != NULL && strcmp(environment[i].name, name) != 0)
        i++;
    assert_in_range(i, 0, 8);
    environment[i].name = name;
    environment[i].value = value;
}

static void put(const char *name, const char *text, size_t n)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", root, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

#define CREDENTIALS                                                                                \
    "# mine\r\n"                                                                                   \
    "[default]\r\n"                                                                                \
    "aws_access_key_id = AKDEFAULT\r\n"                                                            \
    "aws_secret_access_key = secret/of+default==\r\n"                                              \
    "\n[plant 7]\n"                                                                                \
    "  AWS_Access_Key_Id=AKPLANT\n"                                                                \
    "  aws_secret_access_key=secretofplant\n"                                                      \
    "  aws_session_token=token/of+plant==\n"                                                       \
    "  region=eu-plant-1\n"                                                                        \
    "[half]\naws_access_key_id = AKHALF\n"                                                         \
    "[otherhalf]\naws_secret_access_key = s\n"                                                     \
    "[empty]\naws_access_key_id =\naws_secret_access_key =\n"
#define CONFIG                                                                                     \
    "[default]\nregion = eu-central-1\nca_bundle = /etc/ca.pem\ns3 =\n    region = nowhere\n"      \
    "[profile \"plant 7\"]\nregion = us-west-2\noutput = json\n"                                   \
    "[profile config]\naws_access_key_id = AKCONFIG\naws_secret_access_key = secretofconfig\n"     \
    "ca_bundle = /etc/config.pem\n"                                                                \
    "[bare]\nregion = never\n"

static int setup(void **state)
{
    (void)state;
    char path[128];
    memset(environment, 0, sizeof environment);
    strcpy(root + strlen(root) - 6, "XXXXXX");
    if (mkdtemp(root) == NULL)
        return -1;
    snprintf(path, sizeof path, "%s/.aws", root);
    if (mkdir(path, 0700) != 0)
        return -1;
    put(".aws/credentials", CREDENTIALS, strlen(CREDENTIALS));
    put(".aws/config", CONFIG, strlen(CONFIG));
    set("HOME", root);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", root);
    return system(command);
}

static void is_text(const char *got, const char *expected)
{
    if (expected == NULL)
        assert_null(got);
    else
        assert_string_equal(got, expected);
}

/* What comes out: key id, secret, token, region, bundle; NULL for none. */
static void gives(const char *profile, const char *const expected[5])
{
    struct aws_profile p;
    char text[300] = "";
    enum err why = aws_profile_read(profile, get, &p, text, sizeof text);
    if (why != ERR_OK)
        fail_msg("%s", text);
    is_text(p.credentials.key_id, expected[0]);
    is_text(p.credentials.secret, expected[1]);
    is_text(p.credentials.token, expected[2]);
    is_text(p.region, expected[3]);
    is_text(p.ca_bundle, expected[4]);
    assert_string_equal(text, "");
    aws_profile_free(&p);
    assert_null(p.credentials.secret);
}
#define GIVES(profile, ...) gives(profile, (const char *const[5]){__VA_ARGS__})

static void fails(const char *profile, enum err expected, const char *sentence)
{
    struct aws_profile p;
    char text[300] = "", whole[300];
    enum err why = aws_profile_read(profile, get, &p, text, sizeof text);
    snprintf(whole, sizeof whole, sentence, root, root);
    assert_string_equal(text, whole);
    assert_int_equal(why, expected);
    assert_null(p.credentials.key_id);
    aws_profile_free(&p);
}

static void profiles(void **state)
{
    (void)state;
    GIVES(NULL, "AKDEFAULT", "secret/of+default==", NULL, "eu-central-1", "/etc/ca.pem");
    GIVES("default", "AKDEFAULT", "secret/of+default==", NULL, "eu-central-1", "/etc/ca.pem");
    GIVES("plant 7", "AKPLANT", "secretofplant", "token/of+plant==", "eu-plant-1", NULL);
    GIVES("config", "AKCONFIG", "secretofconfig", NULL, NULL, "/etc/config.pem");
    GIVES("empty", NULL, NULL, NULL, NULL, NULL);
    set("AWS_PROFILE", "plant 7");
    GIVES(NULL, "AKPLANT", "secretofplant", "token/of+plant==", "eu-plant-1", NULL);
    GIVES("default", "AKDEFAULT", "secret/of+default==", NULL, "eu-central-1", "/etc/ca.pem");
    set("AWS_PROFILE", "");
    GIVES(NULL, "AKDEFAULT", "secret/of+default==", NULL, "eu-central-1", "/etc/ca.pem");
}

static void environment_first(void **state)
{
    (void)state;
    set("AWS_ACCESS_KEY_ID", "AKENV");
    set("AWS_SECRET_ACCESS_KEY", "secretofenv");
    set("AWS_DEFAULT_REGION", "ap-south-1");
    GIVES(NULL, "AKENV", "secretofenv", NULL, "ap-south-1", "/etc/ca.pem");
    set("AWS_REGION", "ap-north-1");
    set("AWS_SESSION_TOKEN", "tokenofenv");
    set("AWS_CA_BUNDLE", "/etc/env.pem");
    GIVES(NULL, "AKENV", "secretofenv", "tokenofenv", "ap-north-1", "/etc/env.pem");
    set("AWS_PROFILE", "config");
    GIVES(NULL, "AKENV", "secretofenv", "tokenofenv", "ap-north-1", "/etc/env.pem");
    /* A profile that is named outright brings its own key. */
    GIVES("config", "AKCONFIG", "secretofconfig", NULL, "ap-north-1", "/etc/env.pem");
}

/* A token of the environment never goes with a key of the files. */
static void parts_stay_together(void **state)
{
    (void)state;
    set("AWS_SESSION_TOKEN", "tokenofenv");
    GIVES(NULL, "AKDEFAULT", "secret/of+default==", NULL, "eu-central-1", "/etc/ca.pem");
}

static void other_files(void **state)
{
    (void)state;
    static const char text[] =
        "[default]\naws_access_key_id=AKX\naws_secret_access_key=secretofx\n";
    char path[128];
    put("x", text, strlen(text));
    snprintf(path, sizeof path, "%s/x", root);
    set("AWS_SHARED_CREDENTIALS_FILE", "~/x");
    GIVES(NULL, "AKX", "secretofx", NULL, "eu-central-1", "/etc/ca.pem");
    set("AWS_SHARED_CREDENTIALS_FILE", path);
    set("AWS_CONFIG_FILE", "/nonexistent/config");
    GIVES(NULL, "AKX", "secretofx", NULL, NULL, NULL);
    set("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent/credentials");
    GIVES(NULL, NULL, NULL, NULL, NULL, NULL);
    set("AWS_CONFIG_FILE", "~/x"); /* a config file may have keys */
    GIVES(NULL, "AKX", "secretofx", NULL, NULL, NULL);
    set("HOME", NULL);
    GIVES(NULL, NULL, NULL, NULL, NULL, NULL);
}

static void refused(void **state)
{
    (void)state;
    fails("nobody", ERR_NOT_FOUND,
          "AWS profile \"nobody\" is neither in %s/.aws/credentials nor in %s/.aws/config");
    fails("bare", ERR_NOT_FOUND,
          "AWS profile \"bare\" is neither in %s/.aws/credentials nor in %s/.aws/config");
    fails("half", ERR_USAGE,
          "%s/.aws/credentials: profile \"half\" has aws_access_key_id without "
          "aws_secret_access_key");
    fails("otherhalf", ERR_USAGE,
          "%s/.aws/credentials: profile \"otherhalf\" has aws_secret_access_key without "
          "aws_access_key_id");
    set("AWS_SECRET_ACCESS_KEY", "s");
    fails(NULL, ERR_USAGE, "the environment has AWS_SECRET_ACCESS_KEY without AWS_ACCESS_KEY_ID");
    set("AWS_SECRET_ACCESS_KEY", NULL);
    set("AWS_ACCESS_KEY_ID", "a");
    fails(NULL, ERR_USAGE, "the environment has AWS_ACCESS_KEY_ID without AWS_SECRET_ACCESS_KEY");
    set("AWS_PROFILE", "nobody");
    fails(NULL, ERR_NOT_FOUND,
          "AWS profile \"nobody\" is neither in %s/.aws/credentials nor in %s/.aws/config");
}

static void bad_files(void **state)
{
    (void)state;
    static char large[1048577];
    put(".aws/config", "[default]\nregion\n", 17);
    fails(NULL, ERR_USAGE, "%s/.aws/config:2: \"region\" is not \"key = value\"");
    put(".aws/config", "[default\n", 9);
    fails(NULL, ERR_USAGE, "%s/.aws/config:1: \"[default\" should be a [section]");
    memset(large, '\n', sizeof large);
    put(".aws/config", large, sizeof large - 1);
    GIVES(NULL, "AKDEFAULT", "secret/of+default==", NULL, NULL, NULL);
    put(".aws/config", large, sizeof large);
    fails(NULL, ERR_TOO_LARGE, "%s/.aws/config: too large");
    set("AWS_CONFIG_FILE", root);
    fails(NULL, ERR_UNSUPPORTED, "%s: is a directory, not a file");
    char path[128];
    snprintf(path, sizeof path, "%s/.aws/credentials", root);
    assert_int_equal(chmod(path, 0), 0);
    if (geteuid() != 0) /* who may read everything is not refused */
        fails(NULL, ERR_PERMISSION, "%s/.aws/credentials: permission denied");
}

/* How a profile gets its keys when it does not have them: said, with what to do. */
static void ways(void **state)
{
    static const struct {
        const char *config, *credentials, *says; /* NULL: it has keys that can be used */
    } cases[] = {
        {"[profile dev]\nsso_session = s\nregion = eu-west-1\n", "",
         "IAM Identity Center (sso_session)"},
        {"[profile dev]\nsso_start_url = https://example.org/start\n", "",
         "IAM Identity Center (sso_start_url)"},
        {"[profile dev]\ncredential_process = /bin/keys\n", "",
         "running a program (credential_process)"},
        {"[profile dev]\nrole_arn = arn:aws:iam::1:role/x\nsource_profile = default\n", "",
         "assuming a role (role_arn)"},
        {"[profile dev]\nrole_arn = arn:aws:iam::1:role/x\n",
         "[dev]\naws_access_key_id = AK\naws_secret_access_key = S\n",
         "assuming a role (role_arn)"},
        {"[profile dev]\ncredential_process = /bin/keys\n",
         "[dev]\naws_access_key_id = AK\naws_secret_access_key = S\n", NULL},
        {"[sso-session s]\nsso_start_url = x\n[profile dev]\nregion = a\n",
         "[dev]\naws_access_key_id = AK\naws_secret_access_key = S\n", NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct aws_profile p;
        char text[300] = "";
        put(".aws/config", cases[i].config, strlen(cases[i].config));
        put(".aws/credentials", cases[i].credentials, strlen(cases[i].credentials));
        assert_int_equal(aws_profile_read("dev", get, &p, text, sizeof text), ERR_OK);
        assert_int_equal(p.credentials.key_id != NULL, cases[i].says == NULL);
        assert_int_equal(p.elsewhere != NULL, cases[i].says != NULL);
        if (cases[i].says != NULL) {
            assert_non_null(strstr(p.elsewhere, cases[i].says));
            assert_non_null(
                strstr(p.elsewhere, "aws configure export-credentials --profile 'dev'"));
        }
        aws_profile_free(&p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(profiles, setup, teardown),
        cmocka_unit_test_setup_teardown(environment_first, setup, teardown),
        cmocka_unit_test_setup_teardown(parts_stay_together, setup, teardown),
        cmocka_unit_test_setup_teardown(other_files, setup, teardown),
        cmocka_unit_test_setup_teardown(refused, setup, teardown),
        cmocka_unit_test_setup_teardown(bad_files, setup, teardown),
        cmocka_unit_test_setup_teardown(ways, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
