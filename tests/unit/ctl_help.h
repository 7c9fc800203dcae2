/* tunnelctl's commands, with a service that only exists here: what is asked of it, what is printed,
 * what is told when it fails. And the parts that need no service at all. */
#ifndef TESTS_UNIT_CTL_HELP_H
#define TESTS_UNIT_CTL_HELP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/http/http.h"
#include "gateway/ctl/ctl.h"
#include "gateway/ctl/gateway_process.h"
#include "gateway/ctl/print.h"
#include "gateway/ctl/tag.h"
#include "gateway/ctl/token_file.h"
#include "gateway/ctl/token_output.h"
#include "gateway/ctl/tunnel_selector.h"

#include "core/config/hub_config.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define ID1 "b2de92a3-b8ff-46c0-b0f2-afa28b00cecd"
#define ID2 "b2de92a3-0000-46c0-b0f2-afa28b00cecd"
#define ID3 "77777777-b8ff-46c0-b0f2-afa28b00cecd"
#define ARN(id) "arn:aws:iot:us-east-1:000000000000:tunnel/" id

#define SUMMARY(id, status, description)                                                           \
    "{\"tunnelId\":\"" id "\",\"tunnelArn\":\"" ARN(id) "\",\"status\":\"" status                  \
                                                        "\",\"description\":\"" description        \
                                                        "\",\"createdAt\":1795261200.5}"

#define LIST(summaries) "{\"tunnelSummaries\":[" summaries "]}"
#define AND ","
#define FIRST_PAGE "{\"maxResults\":100}"

extern char directory[64];

/* ---- a service that expects certain calls ---- */

struct step {
    const char *operation, *input; /* input NULL: any */
    int status;                    /* 0: why and answer say why it cannot be reached */
    const char *answer;
    enum err why;
    const char *error; /* X-Amzn-ErrorType */
};

struct step call(const char *operation, const char *input, int status, const char *answer);
struct step lost(const char *operation, enum err why, const char *text);

struct fake {
    const struct step *steps;
    size_t n, at;
    char problem[2000]; /* what was not as expected */
    char host[100], authorization[1000], path[100];
    enum sigv4_verdict verdict; /* of the last request with "secret" */
};
extern struct fake fake;

enum err fake_post(void *carrier, const struct call_request *r, struct call_answer *answer,
                   char *text, size_t size);
int64_t fake_clock(void);

/* ---- running commands ---- */

extern char out[100000], err[20000];
void read_back(int fd, char *text, size_t size);
int swap(int fd, int to);
void swap_back(int old, int to);
int new_file(void);

/* Runs tunnelctl with these words (they are copied: secrets are overwritten in argv). */
int run_words(const struct step *steps, size_t n, size_t argc, const char *const *words);

#define NO_CALLS NULL, 0

#define CALLS(...)                                                                                 \
    ((const struct step[]){__VA_ARGS__}),                                                          \
        (sizeof((const struct step[]){__VA_ARGS__}) / sizeof(struct step))

#define WORDS(...)                                                                                 \
    (sizeof((const char *const[]){"tunnelctl", __VA_ARGS__}) / sizeof(char *)),                    \
        ((const char *const[]){"tunnelctl", __VA_ARGS__})

#define run(calls, words) run_words(calls, words)

void assert_has(const char *text, const char *part);
void assert_has_not(const char *text, const char *part);

/* ---- list ---- */

#define DETAILS(id)                                                                                \
    "{\"tunnel\":{\"tunnelId\":\"" id "\",\"tunnelArn\":\"" ARN(                                   \
        id) "\",\"status\":\"OPEN\",\"destinationConfig\":{\"thingName\":\"plant7\","              \
            "\"services\":[\"SSH1\",\"HTTP1\"]},\"timeoutConfig\":{"                               \
            "\"maxLifetimeTimeoutMinutes\":60},\"createdAt\":1795261200,"                          \
            "\"lastUpdatedAt\":1795261260,\"tags\":[{\"key\":\"team\",\"value\":\"ops\"},"         \
            "{\"key\":\"site\",\"value\":\"\"}],\"sourceConnectionState\":{\"status\":"            \
            "\"DISCONNECTED\"},\"destinationConnectionState\":{\"status\":\"CONNECTED\","          \
            "\"lastUpdatedAt\":1795261260}}}"

/* ---- describe, and which tunnel is meant ---- */

#define ALL_THREE                                                                                  \
    call("ListTunnels", FIRST_PAGE, 200,                                                           \
         LIST(SUMMARY(ID1, "OPEN", "") AND SUMMARY(ID2, "CLOSED", "")                              \
                  AND SUMMARY(ID3, "CLOSED", "")))

#define DESCRIBED(id) call("DescribeTunnel", "{\"tunnelId\":\"" id "\"}", 200, DETAILS(id))

/* ---- open ---- */

#define OPENED                                                                                     \
    "{\"tunnelId\":\"" ID1 "\",\"tunnelArn\":\"" ARN(                                              \
        ID1) "\",\"sourceAccessToken\":\"SOURCE\",\"destinationAccessToken\":\"DESTINATION\"}"

const char *file_in(const char *name);
void put_file(const char *path, const char *content);

/* ---- keys ---- */

void set_keys(bool on);

/* ---- the gateway ---- */

void make_gateway(void);

/* ---- */
int begin(void **state);
int finish(void **state);

#endif
