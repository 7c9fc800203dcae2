#include "gateway/hub/azure/azure_error.h"

#include <stdio.h>
#include <time.h>

#define TEXT_MAX 700

static const struct {
    int status;
    const char *code, *text;
} errors[AZURE_ERRORS] = {
#define X(name, status, code, text) [AZURE_##name] = {status, code, text},
    AZURE_ERROR_TABLE(X)
#undef X
};

int azure_error_status(enum azure_error e)
{
    return errors[e].status;
}

const char *azure_error_code(enum azure_error e)
{
    return errors[e].code;
}

enum azure_error azure_error_of_status(int status)
{
    for (int e = AZURE_NONE + 1; e < AZURE_ERRORS; e++)
        if (errors[e].status == status)
            return (enum azure_error)e;
    return status == 431 ? AZURE_TOO_LARGE : status >= 500 ? AZURE_SERVER : AZURE_ARGUMENT;
}

void azure_error_headers(enum azure_error e, char out[AZURE_ERROR_HEADERS_SIZE])
{
    snprintf(out, AZURE_ERROR_HEADERS_SIZE, "iothub-errorcode: %s\r\n", errors[e].code);
}

void azure_error_write(struct json_writer *w, enum azure_error e, const char *text,
                       const char *tracking, int64_t now)
{
    char message[TEXT_MAX], exception[128], stamp[40];
    struct tm tm;
    time_t seconds = (time_t)(now / 1000);
    gmtime_r(&seconds, &tm);
    strftime(stamp, sizeof stamp, "%m/%d/%Y %H:%M:%S", &tm);
    snprintf(message, sizeof message, "ErrorCode:%s;%s", errors[e].code,
             text != NULL ? text : errors[e].text);
    snprintf(exception, sizeof exception, "Tracking ID:%s-TimeStamp:%s", tracking, stamp);
    json_open(w, NULL, '{');
    json_text(w, "Message", span_of(message));
    json_text(w, "ExceptionMessage", span_of(exception));
    json_close(w, '}');
}
