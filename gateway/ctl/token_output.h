/* Fresh access tokens on their way to the two ends of a tunnel: into files, or onto the screen with
 * the commands that use them. */
#ifndef GATEWAY_CTL_TOKEN_OUTPUT_H
#define GATEWAY_CTL_TOKEN_OUTPUT_H

#include "gateway/ctl/ctl.h"

enum tunnel_end { END_SOURCE, END_DESTINATION, END_COUNT };

/* --source-token-file, --destination-token-file, --data-endpoint. */
extern const struct option_group token_output_options;

/* The end's token in an answer of OpenTunnel or RotateTunnelAccessToken; NULL: it has none,
 * or one that is not printable ASCII without blanks. */
const char *token_output_token(const cJSON *answer, enum tunnel_end end);

/* Before tokens are asked for: whether the options are right and the files can be written. Returns
 * an exit code; what is wrong has been told. */
int token_output_check(struct ctl *c);

/* Where the ends of the tunnel connect: HOST:PORT. */
const char *token_output_endpoint(const struct ctl *c, char out[API_URL_NAME]);

/* Writes the answer's tokens to the files that were asked for. Exit code, told. */
int token_output_save(struct ctl *c, const cJSON *answer);

struct token_output {
    const cJSON *answer;
    const cJSON *tunnel; /* as DescribeTunnel has it: services and how long; NULL: not known */
    const char *id;
    const char *title; /* "Tunnel ID is open": what comes first; NULL: nothing */
    bool runs_source;  /* the gateway is started with its token: that is shown nowhere */
};
/* Prints the answer as JSON, or the tunnel and what to do with its tokens; in either case without
 * tokens that went elsewhere. Exit code, told. */
int token_output_print(struct ctl *c, const struct token_output *h);

#endif
