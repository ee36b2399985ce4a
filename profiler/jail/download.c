/* One transfer at a time; download.h is the contract. */
#include "profiler/jail/download.h"

#include "profiler/base/quantity.h"

#include <curl/curl.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ELF_MAGIC     "\177ELF"
#define NS_PER_MS     1000000ull
#define HTTP_OK	      200
#define HTTP_NONE     404
#define HTTP_AT_FAULT 500 /* and above */
#define HTTP_TOO_MANY 429

/* X(name): of libcurl, by their own names. */
#define CURL_LIST(X)     \
	X(global_init)   \
	X(version)       \
	X(easy_init)     \
	X(easy_setopt)   \
	X(easy_perform)  \
	X(easy_getinfo)  \
	X(easy_strerror) \
	X(easy_cleanup)

struct download {
	void *library;
	CURL *easy;
#define CURL_MEMBER(name) __typeof__(curl_##name) *name;
	CURL_LIST(CURL_MEMBER)
#undef CURL_MEMBER
};

static int load(struct download *d)
{
	/* Debian's two: any will do. */
	static const char *const names[] = {"libcurl.so.4", "libcurl-gnutls.so.4"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && !d->library; i++)
		d->library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
	if (!d->library)
		return -ENOENT;
#define CURL_LOAD(name)                                                             \
	d->name = (__typeof__(d->name))(uintptr_t)dlsym(d->library, "curl_" #name); \
	if (!d->name)                                                               \
		return -ENOENT;
	CURL_LIST(CURL_LOAD)
#undef CURL_LOAD
	return 0;
}

int download_open(struct download **ret, struct err *err)
{
	struct download *d = calloc(1, sizeof(*d));
	int r;

	if (!d)
		return err_set(err, -ENOMEM, "no memory for libcurl");
	r = load(d);
	if (r == 0 && d->global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		r = -EIO;
	if (r == 0) {
		d->easy = d->easy_init();
		r = d->easy ? 0 : -ENOMEM;
	}
	if (r < 0) {
		download_close(d);
		return err_set(err, r,
			       "no libcurl can be loaded (libcurl.so.4, Debian's libcurl4)");
	}
	*ret = d;
	return 0;
}

struct download *download_close(struct download *d)
{
	if (!d)
		return NULL;
	if (d->easy)
		d->easy_cleanup(d->easy);
	if (d->library)
		dlclose(d->library);
	free(d);
	return NULL;
}

const char *download_version(const struct download *d)
{
	return d->version();
}

/* ---- one transfer ---- */

struct transfer {
	int fd;
	const struct download_limits *limits;
	uint64_t bytes;
	uint64_t last_ns; /* when bytes came */
	char head[sizeof(ELF_MAGIC) - 1];
	int error; /* why it was ended here */
};

/* The magic alone: what else stands in it is for whoever parses it in a jail. */
static bool may_be_elf(struct transfer *t, const char *data, size_t n)
{
	size_t have = t->bytes < sizeof(t->head) ? (size_t)t->bytes : sizeof(t->head);
	size_t more = sizeof(t->head) - have < n ? sizeof(t->head) - have : n;

	memcpy(t->head + have, data, more);
	return memcmp(t->head, ELF_MAGIC, have + more) == 0;
}

static int write_all(int fd, const char *data, size_t n)
{
	while (n) {
		ssize_t done = write(fd, data, n);

		if (done < 0)
			return -errno;
		data += done;
		n -= (size_t)done;
	}
	return 0;
}

static size_t on_data(char *data, size_t size, size_t n, void *ctx)
{
	struct transfer *t = ctx;

	n *= size;
	t->last_ns = quantity_monotonic_ns();
	if (n > t->limits->bytes_max - t->bytes)
		t->error = -EFBIG;
	else if (!may_be_elf(t, data, n))
		t->error = -EBADMSG;
	else
		t->error = write_all(t->fd, data, n);
	if (t->error)
		return 0;
	t->bytes += n;
	return n;
}

/* Called at least once a second, also while nothing comes. */
static int on_progress(void *ctx, curl_off_t all, curl_off_t now, curl_off_t up_all, curl_off_t up)
{
	struct transfer *t = ctx;
	uint64_t idle_ms = t->limits->idle_ms ? t->limits->idle_ms : DOWNLOAD_IDLE_MS;

	(void)all, (void)now, (void)up_all, (void)up;
	if (quantity_monotonic_ns() - t->last_ns < idle_ms * NS_PER_MS)
		return 0;
	t->error = -ETIMEDOUT;
	return 1;
}

/* Options that libcurl does not know fail, and with them the transfer: nothing goes unbounded. */
static int set_options(struct download *d, const struct download_place *place, struct transfer *t)
{
	int failed = 0;

#define SET(option, value) failed |= d->easy_setopt(d->easy, option, value) != CURLE_OK
	SET(CURLOPT_URL, place->url);
	SET(CURLOPT_PROTOCOLS_STR, "http,https");
	SET(CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
	SET(CURLOPT_FOLLOWLOCATION, 1L);
	SET(CURLOPT_MAXREDIRS, (long)DOWNLOAD_REDIRECTS);
	SET(CURLOPT_FAILONERROR, 1L);
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_PROXY, place->proxy);
	SET(CURLOPT_NOPROXY, place->no_proxy);
	SET(CURLOPT_USERAGENT, "hearth");
	SET(CURLOPT_CONNECTTIMEOUT_MS, (long)DOWNLOAD_CONNECT_MS);
	SET(CURLOPT_TIMEOUT_MS, (long)t->limits->ms_max);
	SET(CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)t->limits->bytes_max);
	SET(CURLOPT_WRITEFUNCTION, on_data);
	SET(CURLOPT_WRITEDATA, t);
	SET(CURLOPT_XFERINFOFUNCTION, on_progress);
	SET(CURLOPT_XFERINFODATA, t);
	SET(CURLOPT_NOPROGRESS, 0L);
#undef SET
	return failed ? -ENOSYS : 0;
}

static int refused(long status, struct err *err)
{
	if (status == HTTP_NONE)
		return err_set(err, -ENOENT, "has no such file");
	return err_set(err, status >= HTTP_AT_FAULT || status == HTTP_TOO_MANY ? -EAGAIN : -EPROTO,
		       "answered %ld", status);
}

static int ended_here(const struct transfer *t, struct err *err)
{
	switch (t->error) {
	case -EFBIG:
		return err_set(err, -EFBIG, "has more than %llu MB of it",
			       (unsigned long long)(t->limits->bytes_max / 1000000));
	case -EBADMSG:
		return err_set(err, -EBADMSG, "sent something else than an ELF file");
	case -ETIMEDOUT:
		return err_set(err, -EAGAIN, "sent nothing for too long");
	default:
		return err_set(err, t->error, "sent what could not be written: %s",
			       strerror(-t->error));
	}
}

static int failed(struct download *d, CURLcode code, const struct transfer *t, struct err *err)
{
	long status = 0;

	if (t->error)
		return ended_here(t, err);
	switch (code) {
	case CURLE_HTTP_RETURNED_ERROR:
		d->easy_getinfo(d->easy, CURLINFO_RESPONSE_CODE, &status);
		if (status)
			return refused(status, err);
		d->easy_getinfo(d->easy, CURLINFO_HTTP_CONNECTCODE, &status);
		return err_set(err, -EAGAIN, "cannot be asked: the proxy answered %ld", status);
	case CURLE_FILESIZE_EXCEEDED:
		return ended_here(&(struct transfer){.limits = t->limits, .error = -EFBIG}, err);
	case CURLE_OPERATION_TIMEDOUT:
		return err_set(err, -EAGAIN, "took too long");
	case CURLE_PARTIAL_FILE:
		return err_set(err, -EAGAIN, "sent less than it said");
	default:
		return err_set(err, -EAGAIN, "cannot be asked: %s", d->easy_strerror(code));
	}
}

int download_get(struct download *d, const struct download_place *place, int fd,
		 const struct download_limits *limits, uint64_t *ret_bytes, struct err *err)
{
	struct transfer t = {.fd = fd, .limits = limits, .last_ns = quantity_monotonic_ns()};
	long status = 0;
	CURLcode code;

	if (set_options(d, place, &t) < 0)
		return err_set(err, -ENOSYS, "is not asked: this libcurl is too old");
	code = d->easy_perform(d->easy);
	if (code != CURLE_OK)
		return failed(d, code, &t, err);
	d->easy_getinfo(d->easy, CURLINFO_RESPONSE_CODE, &status);
	if (status != HTTP_OK)
		return refused(status, err);
	if (t.bytes < sizeof(t.head))
		return err_set(err, -EBADMSG, "sent something else than an ELF file");
	*ret_bytes = t.bytes;
	return 0;
}
