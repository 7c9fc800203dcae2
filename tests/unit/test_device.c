/* core/device: names, the proof, and the file with the key. */
#include "core/base/encoding.h"
#include "core/base/hash.h"
#include "core/device/device_identity.h"
#include "core/device/device_proof.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- names ---- */

static void names_have_their_alphabet(void **state)
{
    char longest[DEVICE_NAME_MAX + 2], fold[DEVICE_NAME_MAX + 1];
    static const char *const wrong[] = {"", "a b", "a.b", "a/b", "ä", "a\n", "@hostname", "a*"};
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_false(device_name_valid(span_of(wrong[i])));
        assert_false(device_name_fold(span_of(wrong[i]), fold));
        assert_string_equal(fold, "");
    }
    memset(longest, 'Z', sizeof longest);
    longest[DEVICE_NAME_MAX + 1] = '\0';
    assert_false(device_name_valid(span_of(longest)));
    longest[DEVICE_NAME_MAX] = '\0';
    assert_true(device_name_fold(span_of(longest), fold));
    assert_int_equal(strlen(fold), DEVICE_NAME_MAX);
    assert_false(device_name_valid((struct span){"a\0b", 3}));
}

static void names_are_folded(void **state)
{
    char fold[DEVICE_NAME_MAX + 1], again[DEVICE_NAME_MAX + 1];
    (void)state;
    assert_true(device_name_fold(span_of("Plant7:Press_01-AZ"), fold));
    assert_string_equal(fold, "plant7-press-01-az");
    assert_true(device_name_fold(span_of(fold), again));
    assert_string_equal(again, fold);
}

/* ---- the proof ---- */

static const uint8_t nonce[DEVICE_NONCE_SIZE] = {1, 2, 3, 4, 5, 6, 7, 8};
static const uint8_t certificate[HASH_SHA256_SIZE] = {9, 8, 7, 6, 5, 4, 3, 2, 1};

static struct device_key a_key(void)
{
    struct device_key k;
    device_key_make(&k);
    return k;
}

static struct device_proof a_proof(const struct device_key *k)
{
    return (struct device_proof){.host = span_of("hub.example"),
                                 .device = span_of("plant7-press"),
                                 .point = k->point,
                                 .nonce = nonce,
                                 .certificate = certificate};
}

static void proofs_are_checked(void **state)
{
    struct device_key k = a_key();
    struct device_proof p = a_proof(&k);
    uint8_t signature[P256_SIGNATURE_SIZE];
    (void)state;
    assert_true(device_proof_sign(&p, k.secret, signature));
    assert_true(device_proof_check(&p, signature));
    p.host = span_of("HUB.Example");
    assert_true(device_proof_check(&p, signature));
}

static void every_part_of_a_proof_counts(void **state)
{
    struct device_key k = a_key(), other_key = a_key();
    const struct device_proof p = a_proof(&k);
    uint8_t signature[P256_SIGNATURE_SIZE], other[32] = {0};
    struct device_proof parts[6] = {p, p, p, p, p, p};
    (void)state;
    assert_true(device_proof_sign(&p, k.secret, signature));
    parts[0].host = span_of("hub.exampl");
    parts[1].device = span_of("Plant7-press");
    parts[2].point = other_key.point;
    parts[3].nonce = other;
    parts[4].certificate = other;
    /* What moves from one part to its neighbour is seen. */
    parts[5].host = span_of("hub.examplep");
    parts[5].device = span_of("lant7-press");
    for (size_t i = 0; i < 6; i++)
        assert_false(device_proof_check(&parts[i], signature));
    assert_true(device_proof_sign(&p, other_key.secret, signature)); /* not the key's own */
    assert_false(device_proof_check(&p, signature));
}

/* ---- the file ---- */

static char folder[64];

static const char *in_folder(const char *name)
{
    static char path[2][128];
    static int next;
    next = !next;
    snprintf(path[next], sizeof path[next], "%s/%s", folder, name);
    return path[next];
}

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/device-XXXXXX");
    return mkdtemp(folder) == NULL;
}

static int remove_folder(void **state)
{
    static const char *const names[] = {DEVICE_IDENTITY_FILE, DEVICE_IDENTITY_FILE ".new",
                                        "elsewhere", "message", "signature"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        unlink(in_folder(names[i]));
    return rmdir(folder);
}

static struct device_identity an_identity(bool enrolled)
{
    return (struct device_identity){.name = "plant7-press", .enrolled = enrolled, .key = a_key()};
}

static void save(const struct device_identity *i)
{
    char text[200];
    assert_int_equal(device_identity_save(folder, i, text, sizeof text), ERR_OK);
}

static void assert_load(enum err why, const char *words)
{
    struct device_identity i;
    char text[200] = "";
    assert_int_equal(device_identity_load(folder, &i, text, sizeof text), why);
    if (strstr(text, words) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", text, words);
}

static void identities_survive(void **state)
{
    struct device_identity saved = an_identity(false), loaded;
    struct stat st;
    char text[200];
    (void)state;
    for (int round = 0; round < 2; round++) {
        saved.enrolled = round == 1;
        save(&saved);
        assert_int_equal(stat(in_folder(DEVICE_IDENTITY_FILE), &st), 0);
        assert_int_equal(st.st_mode & 07777, 0600);
        assert_int_equal(device_identity_load(folder, &loaded, text, sizeof text), ERR_OK);
        assert_string_equal(loaded.name, saved.name);
        assert_int_equal(loaded.enrolled, saved.enrolled);
        assert_memory_equal(&loaded.key, &saved.key, sizeof loaded.key);
        device_identity_wipe(&loaded);
        assert_string_equal(loaded.name, "");
        assert_int_equal(access(in_folder(DEVICE_IDENTITY_FILE ".new"), F_OK), -1);
    }
    assert_int_equal(device_identity_remove(folder, text, sizeof text), ERR_OK);
    assert_int_equal(device_identity_remove(folder, text, sizeof text), ERR_OK);
    assert_load(ERR_NOT_FOUND, "No such file");
}

static char *read_whole(const char *path, size_t *n)
{
    static char memory[4096];
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    *n = fread(memory, 1, sizeof memory - 1, f);
    memory[*n] = '\0';
    fclose(f);
    return memory;
}

static void write_part(const char *text, size_t n)
{
    FILE *f = fopen(in_folder(DEVICE_IDENTITY_FILE), "w");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

static void damaged_files_are_refused(void **state)
{
    struct device_identity saved = an_identity(true);
    size_t n;
    (void)state;
    save(&saved);
    char *text = read_whole(in_folder(DEVICE_IDENTITY_FILE), &n);
    for (size_t part = 0; part + 1 < n; part++) { /* without the last line feed it is whole */
        write_part(text, part);
        assert_load(ERR_USAGE, "damaged");
    }
    char *secret = strstr(text, "KEY-----\n") + 20; /* the point no longer fits */
    secret[0] = secret[0] == 'A' ? 'B' : 'A';
    write_part(text, n);
    assert_load(ERR_USAGE, "damaged");
}

static void files_of_others_are_refused(void **state)
{
    struct device_identity saved = an_identity(true);
    const char *path = in_folder(DEVICE_IDENTITY_FILE);
    (void)state;
    save(&saved);
    assert_int_equal(chmod(path, 0640), 0);
    assert_load(ERR_PERMISSION, "can be read by others");
    assert_int_equal(chmod(path, 0600), 0);
    if (geteuid() == 0) {
        assert_int_equal(chown(path, 65534, 65534), 0);
        assert_load(ERR_PERMISSION, "another user");
        assert_int_equal(chown(path, 0, 0), 0);
    }
    assert_int_equal(rename(path, in_folder("elsewhere")), 0);
    assert_int_equal(symlink("elsewhere", path), 0);
    assert_load(ERR_PERMISSION, "symbolic link");
    /* Writing replaces the link, and what it leads to stays. */
    save(&saved);
    struct stat st;
    assert_int_equal(lstat(path, &st), 0);
    assert_true(S_ISREG(st.st_mode));
    unlink(path);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_load(ERR_PERMISSION, "is not a file");
}

static void what_cannot_be_written_leaves_the_old(void **state)
{
    struct device_identity saved = an_identity(true), loaded, fresh = an_identity(true);
    char text[200];
    (void)state;
    save(&saved);
    /* A directory in the new file's place cannot be replaced, by root neither. */
    assert_int_equal(mkdir(in_folder(DEVICE_IDENTITY_FILE ".new"), 0700), 0);
    assert_int_not_equal(device_identity_save(folder, &fresh, text, sizeof text), ERR_OK);
    assert_non_null(strstr(text, "cannot write"));
    assert_int_equal(rmdir(in_folder(DEVICE_IDENTITY_FILE ".new")), 0);
    assert_int_equal(device_identity_load(folder, &loaded, text, sizeof text), ERR_OK);
    assert_memory_equal(&loaded.key, &saved.key, sizeof loaded.key);
    assert_int_equal(device_identity_save("/nonexistent", &fresh, text, sizeof text),
                     ERR_NOT_FOUND);
    assert_string_equal(text, "cannot write /nonexistent/" DEVICE_IDENTITY_FILE
                              ".new: No such file or directory");
}

/* ---- openssl's opinion ---- */

/* What is signed, put together anew. */
static size_t put_part(uint8_t *out, const void *p, size_t n)
{
    out[0] = (uint8_t)(n >> 8);
    out[1] = (uint8_t)n;
    memcpy(out + 2, p, n);
    return n + 2;
}

static void write_file(const char *name, const void *p, size_t n)
{
    FILE *f = fopen(in_folder(name), "w");
    assert_non_null(f);
    assert_int_equal(fwrite(p, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

/* An ECDSA-Sig-Value (RFC 3279 section 2.2.3) of r and s. */
static size_t put_der(const uint8_t signature[P256_SIGNATURE_SIZE], uint8_t out[80])
{
    size_t n = 2;
    for (int i = 0; i < 2; i++) {
        const uint8_t *p = signature + 32 * i;
        size_t length = 32;
        while (length > 1 && p[0] == 0) {
            p++;
            length--;
        }
        size_t pad = p[0] >= 0x80;
        out[n++] = 2;
        out[n++] = (uint8_t)(length + pad);
        if (pad)
            out[n++] = 0;
        memcpy(out + n, p, length);
        n += length;
    }
    out[0] = 0x30;
    out[1] = (uint8_t)(n - 2);
    return n;
}

static int openssl(char *const argv[])
{
    int status;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        int null = open("/dev/null", O_RDWR);
        dup2(null, 1);
        execvp(argv[0], argv);
        _exit(127);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void openssl_reads_the_file_and_checks_the_proof(void **state)
{
    struct device_identity i = an_identity(true);
    struct device_proof p = a_proof(&i.key);
    uint8_t signature[P256_SIGNATURE_SIZE], der[80], message[512];
    char key[128], signature_file[128], message_file[128];
    size_t n = 0;
    (void)state;
    save(&i);
    assert_true(device_proof_sign(&p, i.key.secret, signature));
    n += put_part(message + n, "tunnel.device-1 proof", 21);
    n += put_part(message + n, "hub.example", 11);
    n += put_part(message + n, "plant7-press", 12);
    n += put_part(message + n, i.key.point, P256_POINT_SIZE);
    n += put_part(message + n, nonce, 32);
    n += put_part(message + n, certificate, 32);
    write_file("message", message, n);
    write_file("signature", der, put_der(signature, der));
    snprintf(key, sizeof key, "%s", in_folder(DEVICE_IDENTITY_FILE));
    snprintf(signature_file, sizeof signature_file, "%s", in_folder("signature"));
    snprintf(message_file, sizeof message_file, "%s", in_folder("message"));
    char *argv[] = {"openssl",    "dgst",         "-sha256",    "-prverify", key,
                    "-signature", signature_file, message_file, NULL};
    assert_int_equal(openssl(argv), 0);
    message[30] ^= 1;
    write_file("message", message, n);
    assert_int_equal(openssl(argv), 1);
}

static void fingerprints_look_like_those_of_ssh(void **state)
{
    uint8_t point[P256_POINT_SIZE] = {0}; /* sha256 of 65 zeros, by sha256sum and base64 */
    char out[DEVICE_FINGERPRINT_SIZE];
    (void)state;
    device_key_fingerprint(point, out);
    assert_string_equal(out, "SHA256:mM5C3u9R1AJp1UL1MUvvLHRo1AGtXYUWi/q0wBCPdfc");
}

int main(void)
{
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_have_their_alphabet),
        cmocka_unit_test(names_are_folded),
        cmocka_unit_test(proofs_are_checked),
        cmocka_unit_test(every_part_of_a_proof_counts),
        IN_FOLDER(identities_survive),
        IN_FOLDER(damaged_files_are_refused),
        IN_FOLDER(files_of_others_are_refused),
        IN_FOLDER(what_cannot_be_written_leaves_the_old),
        IN_FOLDER(openssl_reads_the_file_and_checks_the_proof),
        cmocka_unit_test(fingerprints_look_like_those_of_ssh),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
