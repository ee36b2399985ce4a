/* web/listen.c: addresses, and sockets on loopback and in a scratch directory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "web/listen.h"
#include "web/server.h"

static void loopback_and_unix_are_local(void **state)
{
	(void)state;
	assert_int_equal(web_listen_is_local("127.0.0.1:7979", NULL), 1);
	assert_int_equal(web_listen_is_local("127.9.9.9:0", NULL), 1);
	assert_int_equal(web_listen_is_local("localhost:80", NULL), 1);
	assert_int_equal(web_listen_is_local("[::1]:7979", NULL), 1);
	assert_int_equal(web_listen_is_local("[::ffff:127.0.0.1]:7979", NULL), 1);
	assert_int_equal(web_listen_is_local("unix:/run/hearth.sock", NULL), 1);
}

static void other_addresses_are_not(void **state)
{
	(void)state;
	assert_int_equal(web_listen_is_local("0.0.0.0:7979", NULL), 0);
	assert_int_equal(web_listen_is_local("[::]:7979", NULL), 0);
	assert_int_equal(web_listen_is_local("10.0.0.1:1", NULL), 0);
	assert_int_equal(web_listen_is_local("[::ffff:10.0.0.1]:1", NULL), 0);
	assert_int_equal(web_listen_is_local("128.0.0.1:1", NULL), 0);
}

static void what_is_no_address_is_told_by_a_sentence(void **state)
{
	static const char *const bad[] = {
		"",
		":",
		":7979",
		"7979",
		"127.0.0.1",
		"127.0.0.1:",
		"127.0.0.1:65536",
		"127.0.0.1:-1",
		"127.0.0.1:7979x",
		"127.0.0.1 :7979",
		"127.1:7979",
		"::1:7979",
		"[::1]",
		"[::1]7979",
		"[::1:7979",
		"[]:7979",
		"[:7979",
		"[127.0.0.1]:1",
		"example.org:80",
		"unix:",
		"unix:relative.sock",
		"http://127.0.0.1:80",
	};
	char path[300] = "unix:/";

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct err err = {};

		assert_int_equal(web_listen_is_local(bad[i], &err), -EINVAL);
		assert_non_null(strstr(err_text(&err), bad[i]));
	}
	memset(path + 6, 'x', 200);
	assert_int_equal(web_listen_is_local(path, NULL), -EINVAL);
}

static void port_0_becomes_a_real_one_and_a_port_in_use_is_told(void **state)
{
	struct web_listener first, second;
	struct err err = {};
	char again[64];
	unsigned int port;

	(void)state;
	assert_int_equal(web_listener_open(&first, "127.0.0.1:0", &err), 0);
	assert_int_equal(sscanf(first.text, "http://127.0.0.1:%u/", &port), 1);
	assert_true(port > 0);
	snprintf(again, sizeof(again), "127.0.0.1:%u", port);
	assert_int_equal(web_listener_open(&second, again, &err), -EADDRINUSE);
	assert_non_null(strstr(err_text(&err), "is in use"));
	web_listener_close(&first);
	assert_int_equal(web_listener_open(&second, again, &err), 0);
	web_listener_close(&second);
}

static void an_address_of_another_host_is_told(void **state)
{
	struct web_listener l;
	struct err err = {};

	(void)state;
	assert_int_equal(web_listener_open(&l, "192.0.2.1:0", &err), -EADDRNOTAVAIL);
	assert_non_null(strstr(err_text(&err), "no address of this host"));
}

struct scratch {
	char dir[64], path[80], listen[96];
};

static int scratch_setup(void **state)
{
	struct scratch *s = calloc(1, sizeof(*s));

	snprintf(s->dir, sizeof(s->dir), "/tmp/hearth-listen-XXXXXX");
	assert_non_null(mkdtemp(s->dir));
	snprintf(s->path, sizeof(s->path), "%s/web.sock", s->dir);
	snprintf(s->listen, sizeof(s->listen), "unix:%s", s->path);
	*state = s;
	return 0;
}

static int scratch_teardown(void **state)
{
	struct scratch *s = *state;

	unlink(s->path);
	rmdir(s->dir);
	free(s);
	return 0;
}

static void a_unix_socket_is_0660_and_removed_at_the_end(void **state)
{
	struct scratch *s = *state;
	struct web_listener l;
	struct stat st;
	mode_t mask = umask(077);

	assert_int_equal(web_listener_open(&l, s->listen, NULL), 0);
	umask(mask);
	assert_string_equal(l.text, s->listen);
	assert_int_equal(stat(s->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0660);
	web_listener_close(&l);
	assert_int_equal(stat(s->path, &st), -1);
}

static void a_socket_in_use_stays_and_a_stale_one_is_replaced(void **state)
{
	struct scratch *s = *state;
	struct web_listener first, second;
	struct err err = {};

	assert_int_equal(web_listener_open(&first, s->listen, NULL), 0);
	assert_int_equal(web_listener_open(&second, s->listen, &err), -EADDRINUSE);
	assert_non_null(strstr(err_text(&err), "another server"));
	close(first.fd); /* as if killed: nobody listens, the file stays */
	assert_int_equal(web_listener_open(&second, s->listen, &err), 0);
	first.fd = -1;
	web_listener_close(&first); /* the file is the second's now */
	assert_int_equal(access(s->path, F_OK), 0);
	web_listener_close(&second);
}

static void a_file_in_the_way_is_never_removed(void **state)
{
	struct scratch *s = *state;
	struct web_listener l;
	struct err err = {};
	int fd = open(s->path, O_CREAT | O_WRONLY, 0600);

	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(web_listener_open(&l, s->listen, &err), -EEXIST);
	assert_non_null(strstr(err_text(&err), "not a socket"));
	assert_int_equal(access(s->path, F_OK), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(loopback_and_unix_are_local),
		cmocka_unit_test(other_addresses_are_not),
		cmocka_unit_test(what_is_no_address_is_told_by_a_sentence),
		cmocka_unit_test(port_0_becomes_a_real_one_and_a_port_in_use_is_told),
		cmocka_unit_test(an_address_of_another_host_is_told),
		cmocka_unit_test_setup_teardown(a_unix_socket_is_0660_and_removed_at_the_end,
						scratch_setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(a_socket_in_use_stays_and_a_stale_one_is_replaced,
						scratch_setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(a_file_in_the_way_is_never_removed, scratch_setup,
						scratch_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
