/*
 * From a request to a response: what this server has and does.
 */
#ifndef TAPIR_APPS_HTTP_HANDLER_H
#define TAPIR_APPS_HTTP_HANDLER_H

#include "apps/http_file.h"
#include "apps/http_parse.h"
#include "apps/http_response.h"

struct http_site {
	struct http_root root;
};

/* Fills *r, freshly made by http_response_init(), with the answer to a whole request. */
void http_handle(const struct http_site *site, const struct http_parser *req,
		 struct http_response *r);

/* Whether the request is one whose body is worth reading, so that 100 (Continue) may be said. */
bool http_handler_wants_body(const struct http_parser *req);

#endif
