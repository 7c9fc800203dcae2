/* The output of new access tokens for the two ends of a tunnel: into files, or onto the screen with
 * the commands that use them. */
#ifndef GATEWAY_CTL_TOKEN_OUTPUT_H
#define GATEWAY_CTL_TOKEN_OUTPUT_H

#include "gateway/ctl/ctl.h"

enum tunnel_end { END_SOURCE, END_DESTINATION, END_COUNT };

/* --source-token-file, --destination-token-file, --data-endpoint. */
extern const struct option_group token_output_options;

/* The end's token in an answer of OpenTunnel or RotateTunnelAccessToken. NULL: there is no token,
 * or it is not printable ASCII without blanks. */
const char *token_output_token(const cJSON *answer, enum tunnel_end end);

/* Checks, before tokens are asked for, that the options are valid and the files can be written.
 * Returns an exit code; an error has been printed. */
int token_output_check(struct ctl *c);

/* The address to which the tunnel's ends connect: HOST:PORT. */
const char *token_output_endpoint(const struct ctl *c, char out[API_URL_NAME]);

/* Writes the answer's tokens to the files that were asked for. Returns an exit code; an error has
 * been printed. */
int token_output_save(struct ctl *c, const cJSON *answer);

struct token_output {
    const cJSON *answer;
    const cJSON *tunnel; /* DescribeTunnel's tunnel, for services and lifetime; NULL: unknown */
    const char *id;
    const char *title; /* the first line, "Tunnel ID is open"; or NULL */
    bool runs_source;  /* the gateway is started with the source token, which is not shown then */
};
/* Prints the answer as JSON, or the tunnel and what to do with its tokens; in either case without
 * tokens that went elsewhere. Returns an exit code; an error has been printed. */
int token_output_print(struct ctl *c, const struct token_output *h);

#endif
