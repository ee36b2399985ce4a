/*
 * libiberty's demanglers, which write through a callback and take nothing from the heap: a name
 * whose substitutions double at every step would otherwise fill the memory (30 bytes can make
 * gigabytes), so the callback jumps out once the limit is reached. libiberty bounds its own
 * recursion.
 */
#include "symbolizer/demangle.h"

#include "profiler/base/cleanup.h"
#include "symbolizer/symbolizer.h"

#include <ctype.h>
#include <errno.h>
#include <libiberty/demangle.h>
#include <setjmp.h>
#include <string.h>

#define ELLIPSIS "\xe2\x80\xa6"

/* Longer mangled names are shown as they are: the work is not linear in the input. */
#define MANGLED_BYTES_MAX 4096

/* 2^12 times the longest name is 16 MB, less than a worker's memory. */
#define D_REFERENCES_MAX 12

static const char *const clone_suffixes[] = {".cold",	  ".part", ".isra",	  ".constprop",
					     ".lto_priv", ".llvm", ".localalias", ".__uniq"};

/*
 * Is s[0, len) a clone suffix as a whole: ".cold" or ".part" and the like, with or without ".123"
 * behind?
 */
static bool is_clone_suffix(const char *s, size_t len)
{
	for (size_t i = 0; i < sizeof(clone_suffixes) / sizeof(*clone_suffixes); i++) {
		size_t n = strlen(clone_suffixes[i]);

		if (len == n && memcmp(s, clone_suffixes[i], n) == 0)
			return true;
	}
	return false;
}

static size_t without_number(const char *name, size_t len)
{
	size_t n = len;

	while (n > 0 && isdigit((unsigned char)name[n - 1]))
		n--;
	return n < len && n > 0 && name[n - 1] == '.' ? n - 1 : len;
}

static size_t without_clone_suffix(const char *name, size_t len)
{
	size_t end = without_number(name, len);
	const char *dot = memrchr(name, '.', end);

	if (!dot || dot == name || !is_clone_suffix(dot, end - (size_t)(dot - name)))
		return len;
	return (size_t)(dot - name);
}

size_t demangle_base_len(const char *name, size_t len)
{
	const char *version = len > 1 ? memchr(name + 1, '@', len - 1) : NULL;
	size_t shorter;

	if (version && (len - (size_t)(version - name) != 4 || memcmp(version, "@plt", 4) != 0))
		len = (size_t)(version - name);
	while ((shorter = without_clone_suffix(name, len)) < len)
		len = shorter;
	return len;
}

struct output {
	char text[SYM_NAME_BYTES_MAX];
	size_t len;
	jmp_buf full;
};

static void take(const char *text, size_t len, void *opaque)
{
	struct output *o = opaque;
	size_t room = sizeof(o->text) - o->len;

	if (len > room) {
		memcpy(o->text + o->len, text, room);
		o->len += room;
		longjmp(o->full, 1);
	}
	memcpy(o->text + o->len, text, len);
	o->len += len;
}

/*
 * A Rust name of the older scheme looks like C++ whose last part is a hash: _ZN...17h<16 hex
 * digits>E.
 */
static bool is_old_rust(const char *mangled)
{
	size_t len = strlen(mangled);

	return len > 24 && memcmp(mangled + len - 20, "17h", 3) == 0 && mangled[len - 1] == 'E';
}

/*
 * A D name, or one of C that only begins like it. libiberty makes it on the heap, and each
 * reference back (Q) may double what comes out, so there must not be many.
 */
static bool demangle_d(const char *mangled, struct output *o)
{
	_cleanup_free_ char *text = NULL;
	unsigned int references = 0;
	size_t len;

	if (!isdigit((unsigned char)mangled[2]) && strcmp(mangled, "_Dmain") != 0)
		return false;
	for (const char *s = mangled; *s; s++)
		references += *s == 'Q';
	text = references <= D_REFERENCES_MAX ? dlang_demangle(mangled, 0) : NULL;
	if (!text)
		return false;
	len = strlen(text);
	o->len = len < sizeof(o->text) ? len : sizeof(o->text);
	memcpy(o->text, text, o->len);
	return true;
}

static bool call_demangler(const char *mangled, struct output *o)
{
	if (mangled[1] == 'D')
		return demangle_d(mangled, o);
	if (setjmp(o->full))
		return true; /* full: what is there is shown, cut */
	if (mangled[1] == 'R' || is_old_rust(mangled)) {
		if (rust_demangle_callback(mangled, 0, take, o))
			return true;
		o->len = 0;
	}
	return mangled[1] == 'Z' &&
	       cplus_demangle_v3_callback(mangled, DMGL_PARAMS | DMGL_ANSI, take, o);
}

/* Where the mangled name begins in name, or NULL for what is not one. */
static const char *mangled_part(const char *name)
{
	if (strncmp(name, "_Z", 2) == 0 || strncmp(name, "_R", 2) == 0 ||
	    strncmp(name, "_D", 2) == 0)
		return name;
	if (strncmp(name, "__Z", 3) == 0)
		return name + 1;
	if (strncmp(name, "___Z", 4) == 0)
		return name + 2;
	return NULL;
}

/*
 * At most SYM_NAME_BYTES_MAX - 1 bytes, an ellipsis in the place of what is cut, no code point
 * halved.
 */
static int add_bounded(struct buf *out, const char *text, size_t len)
{
	if (len < SYM_NAME_BYTES_MAX) {
		buf_add(out, text, len);
	} else {
		len = SYM_NAME_BYTES_MAX - sizeof(ELLIPSIS);
		while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80)
			len--;
		buf_add(out, text, len);
		buf_add_str(out, ELLIPSIS);
	}
	return out->err;
}

int demangle(const char *name, size_t len, struct buf *out)
{
	char mangled[MANGLED_BYTES_MAX];
	struct output o;
	const char *part;

	len = demangle_base_len(name, len);
	if (len >= sizeof(mangled))
		return add_bounded(out, name, len);
	memcpy(mangled, name, len);
	mangled[len] = '\0';
	part = mangled_part(mangled);
	o.len = 0;
	if (part && call_demangler(part, &o) && o.len)
		return add_bounded(out, o.text, o.len);
	return add_bounded(out, name, len);
}
