/*
 * The one resource kind there is: files below a root, for GET and HEAD. Methods that are known but have no
 * meaning for a file are 405 with what has; the rest is 501 (RFC 9110 15.5.6, 15.6.2).
 */
#include "apps/http_handler.h"

static const char allowed[] = "GET, HEAD, OPTIONS";

bool http_handler_wants_body(const struct http_parser *req)
{
	return req->method == HTTP_GET || req->method == HTTP_HEAD || req->method == HTTP_OPTIONS;
}

static void serve_file(const struct http_site *site, const struct http_parser *req,
		       struct http_response *r)
{
	static const char *const why[] = {
		[400 - 400] = "The path is malformed, or leaves the served tree.",
		[403 - 400] = "This may not be read.",
		[404 - 400] = "There is nothing by this name.",
		[414 - 400] = "The path is too long.",
	};
	struct http_path path;
	struct http_file file = {.fd = -1};
	int status = http_path_decode(http_parser_path(req), &path);
	if (status == 200)
		status = http_file_open(&site->root, &path, &file);
	if (status == 301 &&
	    !http_path_encode(&path, true, http_parser_query(req), r->location, sizeof r->location))
		status = 414;
	if (status == 200) {
		r->status = 200;
		r->fd = file.fd;
		r->size = file.size;
		r->mtime = file.mtime;
		r->type = file.type;
	} else if (status == 301) {
		http_response_error(r, status, "This is a directory: its name ends in a slash.");
	} else {
		http_response_error(r, status,
				    status < 500
					    ? why[status - 400]
					    : "The server could not read it; try again later.");
	}
}

void http_handle(const struct http_site *site, const struct http_parser *req,
		 struct http_response *r)
{
	r->no_body = req->method == HTTP_HEAD;
	switch (req->method) {
	case HTTP_GET:
	case HTTP_HEAD:
		serve_file(site, req, r);
		break;
	case HTTP_OPTIONS:
		r->status = 204;
		r->allow = allowed;
		break;
	case HTTP_POST:
	case HTTP_PUT:
	case HTTP_DELETE:
	case HTTP_TRACE:
	case HTTP_PATCH:
		http_response_error(r, 405, "Only GET, HEAD and OPTIONS are served here.");
		r->allow = allowed;
		break;
	case HTTP_CONNECT: /* IH-08: a method is known or it is not, and has an answer */
	case HTTP_OTHER:
		http_response_error(r, 501, "This method is not known here.");
		break;
	}
}
