/* web/request.c, and routes.c where it finishes an answer: errors as JSON, and compression. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "web/export/flame.h"
#include "web/routes.h"

static void gzip_is_taken_where_it_is_named_and_not_refused(void **state)
{
	static const char *const yes[] = {"gzip",	    "deflate, gzip;q=1.0, *;q=0.5",
					  "GZIP",	    "br ,gzip",
					  "gzip ; q=0.001", "gzip;q=0.5"};
	static const char *const no[] = {
		"",	     "identity", "gzip;q=0", "gzip; q=0.000",
		"gzip;q=0.", "xgzip",	 "gzipx",    "br;q=1, gzip;q=0, deflate"};

	(void)state;
	assert_false(web_accepts(NULL, "gzip"));
	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
		if (!web_accepts(yes[i], "gzip"))
			fail_msg("%s", yes[i]);
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		if (web_accepts(no[i], "gzip"))
			fail_msg("%s", no[i]);
}

static void a_type_is_taken_where_it_is_named_and_not_by_a_wildcard(void **state)
{
	static const char *const yes[] = {"application/vnd.hearth.flame",
					  "application/vnd.hearth.flame, application/json",
					  "text/html,Application/Vnd.Hearth.Flame;q=0.9"};
	static const char *const no[] = {"*/*", "application/*", "application/vnd.hearth.flame;q=0",
					 "application/vnd.hearth.flames", "application/json"};

	(void)state;
	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
		if (!web_accepts(yes[i], EXPORT_FLAME_BINARY_TYPE))
			fail_msg("%s", yes[i]);
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		if (web_accepts(no[i], EXPORT_FLAME_BINARY_TYPE))
			fail_msg("%s", no[i]);
}

static int answer_with(struct web_service *w, struct store *s, struct web_request *q,
		       struct err *err)
{
	int code = *(int *)w->config->ctx;

	(void)s;
	web_request_begin(q, "text/plain; charset=utf-8");
	snprintf(q->file, sizeof(q->file), "x.txt");
	for (int i = 0; i < 1000; i++)
		buf_add_str(&q->body, "0123456789");
	if (code == -EINVAL)
		return err_set(err, code, "match: <b>\"x\" is no selector");
	return code;
}

/* What a handler's result becomes: the status, with q filled in. */
static unsigned int answer(struct web_request *q, int code, struct web_service *w)
{
	static const struct web_route route = {"/x", 0, answer_with, false, ""};
	struct web_config config = {.ctx = &code};

	w->config = &config;
	buf_init(&q->body, 1 << 20);
	web_route_answer(&route, w, NULL, q);
	return q->status;
}

static void failures_are_json_with_their_status(void **state)
{
	static const struct {
		int code;
		unsigned int status;
		const char *word;
	} cases[] = {
		{-EINVAL, 400, "\"bad_request\""}, {-E2BIG, 400, "\"too_much\""},
		{-ENOENT, 404, "\"not_found\""},   {-EFBIG, 413, "\"answer_too_large\""},
		{-ETIMEDOUT, 503, "\"timeout\""},  {-ECANCELED, 503, "\"cancelled\""},
		{-EBADMSG, 500, "\"internal\""},   {-ENOMEM, 503, "\"out_of_memory\""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct web_request q = {};
		struct web_service w = {};

		assert_int_equal(answer(&q, cases[i].code, &w), cases[i].status);
		assert_string_equal(q.type, "application/json");
		assert_non_null(strstr(buf_str(&q.body), cases[i].word));
		assert_int_equal(strncmp(buf_str(&q.body), "{\"error\":{\"code\":\"", 17), 0);
		assert_string_equal(q.file, "");
		assert_int_equal(w.counter[WEB_COUNTER_TIMEOUTS], cases[i].code == -ETIMEDOUT);
		assert_int_equal(w.counter[WEB_COUNTER_CANCELLED], cases[i].code == -ECANCELED);
		buf_done(&q.body);
	}
}

static void the_stores_sentence_is_told_and_escaped(void **state)
{
	struct web_request q = {};
	struct web_service w = {};

	(void)state;
	answer(&q, -EINVAL, &w);
	assert_non_null(strstr(buf_str(&q.body), "match: \\u003cb\\u003e\\\"x\\\" is no selector"));
	buf_done(&q.body);
}

static void large_text_is_compressed_where_it_is_taken(void **state)
{
	struct web_request plain = {}, gzipped = {.accepts_gzip = true};
	struct web_service w = {};

	(void)state;
	assert_int_equal(answer(&plain, 0, &w), 200);
	assert_int_equal(plain.body.len, 10000);
	assert_false(plain.gzipped);
	assert_int_equal(answer(&gzipped, 0, &w), 200);
	assert_true(gzipped.gzipped);
	assert_true(gzipped.body.len < 1000);
	assert_memory_equal(gzipped.body.data, "\x1f\x8b", 2);
	assert_string_equal(gzipped.file, "x.txt");
	buf_done(&plain.body);
	buf_done(&gzipped.body);
}

static void a_cancelled_request_is_not_asked(void **state)
{
	struct web_request q = {};
	struct web_service w = {};

	(void)state;
	atomic_store(&q.cancel, true);
	assert_int_equal(answer(&q, 0, &w), 503);
	assert_null(strstr(buf_str(&q.body), "0123456789"));
	buf_done(&q.body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gzip_is_taken_where_it_is_named_and_not_refused),
		cmocka_unit_test(a_type_is_taken_where_it_is_named_and_not_by_a_wildcard),
		cmocka_unit_test(failures_are_json_with_their_status),
		cmocka_unit_test(the_stores_sentence_is_told_and_escaped),
		cmocka_unit_test(large_text_is_compressed_where_it_is_taken),
		cmocka_unit_test(a_cancelled_request_is_not_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
