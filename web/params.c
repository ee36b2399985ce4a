/* Query parameters; see params.h. */
#include "web/params.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "profiler/base/quantity.h"

#define NS_PER_S  UINT64_C(1000000000)
#define NS_PER_MS UINT64_C(1000000)

static const char *const names[] = {
#define WEB_PARAM_NAME(name, text) text,
	WEB_PARAM_LIST(WEB_PARAM_NAME)
#undef WEB_PARAM_NAME
};

static int unknown(uint32_t known, const char *name, struct err *err)
{
	char list[160] = "none";
	size_t at = 0;

	for (int i = 0; i < WEB_PARAM_COUNT; i++)
		if (known & (1u << i))
			at += (size_t)snprintf(list + at, sizeof(list) - at, "%s%s", at ? ", " : "",
					       names[i]);
	return err_set(err, -EINVAL, "unknown parameter %.64s; this path knows %s", name, list);
}

static int add_by(struct web_params *p, const char *value, struct err *err)
{
	if (p->n_by == EXPORT_BY_MAX)
		return err_set(err, -EINVAL, "by: at most %d labels", EXPORT_BY_MAX);
	p->by[p->n_by] = strdup(value);
	if (!p->by[p->n_by])
		return -ENOMEM;
	p->value[WEB_PARAM_BY] = p->by[0];
	p->n_by++;
	return 0;
}

int web_params_add(struct web_params *p, uint32_t known, const char *name, const char *value,
		   struct err *err)
{
	int i = 0;

	while (i < WEB_PARAM_COUNT && (!(known & (1u << i)) || strcmp(names[i], name)))
		i++;
	if (i == WEB_PARAM_COUNT)
		return unknown(known, name, err);
	if (strlen(value) > WEB_PARAM_BYTES_MAX)
		return err_set(err, -EINVAL, "%s: more than %d bytes", name, WEB_PARAM_BYTES_MAX);
	if (i == WEB_PARAM_BY)
		return add_by(p, value, err);
	if (p->value[i])
		return err_set(err, -EINVAL, "%s is given twice", name);
	p->value[i] = strdup(value);
	return p->value[i] ? 0 : -ENOMEM;
}

static int read_time(const struct web_params *p, enum web_param which, uint64_t now_ns,
		     uint64_t *ret, struct err *err)
{
	const char *value = p->value[which];

	if (!value || quantity_time(value, now_ns, ret) == 0)
		return 0;
	return err_set(err, -EINVAL,
		       "%s: %.64s is not a time: RFC 3339, Unix seconds, now, or -15m are",
		       names[which], value);
}

static int check_range(enum web_param from, uint64_t from_ns, uint64_t until_ns, struct err *err)
{
	if (from_ns < until_ns)
		return 0;
	return err_set(err, -EINVAL, "%s must be before %s", names[from], names[from + 1]);
}

static uint64_t before(uint64_t t, uint64_t span)
{
	return t > span ? t - span : 0;
}

static int read_ranges(struct web_params *p, uint64_t now_ns, struct err *err)
{
	int r;

	p->until_ns = now_ns;
	r = read_time(p, WEB_PARAM_UNTIL, now_ns, &p->until_ns, err);
	if (r < 0)
		return r;
	p->from_ns = before(p->until_ns, WEB_RANGE_DEFAULT_NS);
	r = read_time(p, WEB_PARAM_FROM, now_ns, &p->from_ns, err);
	if (r < 0)
		return r;
	r = check_range(WEB_PARAM_FROM, p->from_ns, p->until_ns, err);
	if (r < 0)
		return r;
	/* Compared with, unless said otherwise: as long a time just before. */
	p->base_until_ns = p->from_ns;
	r = read_time(p, WEB_PARAM_BASE_UNTIL, now_ns, &p->base_until_ns, err);
	if (r < 0)
		return r;
	p->base_from_ns = before(p->base_until_ns, p->until_ns - p->from_ns);
	r = read_time(p, WEB_PARAM_BASE_FROM, now_ns, &p->base_from_ns, err);
	if (r < 0)
		return r;
	if (!p->value[WEB_PARAM_BASE_FROM] && !p->value[WEB_PARAM_BASE_UNTIL])
		return 0;
	return check_range(WEB_PARAM_BASE_FROM, p->base_from_ns, p->base_until_ns, err);
}

/* A duration, or milliseconds: `100ms`. */
static int read_step(const char *step, uint64_t *ret_ns)
{
	size_t len = strlen(step);
	char number[16];
	uint64_t ms;

	if (len < 3 || strcmp(step + len - 2, "ms"))
		return quantity_duration(step, ret_ns);
	if (len - 2 >= sizeof(number))
		return -EINVAL;
	memcpy(number, step, len - 2);
	number[len - 2] = '\0';
	if (quantity_u64(number, 1, UINT32_MAX, &ms) < 0)
		return -EINVAL;
	*ret_ns = ms * NS_PER_MS;
	return 0;
}

int web_params_finish(struct web_params *p, uint32_t known, uint64_t now_ns, struct err *err)
{
	const char *format = p->value[WEB_PARAM_FORMAT], *step = p->value[WEB_PARAM_STEP];
	const char *seconds = p->value[WEB_PARAM_SECONDS];
	uint64_t n = WEB_SECONDS_DEFAULT;
	int f = EXPORT_FLAME, r = read_ranges(p, now_ns, err);

	if (r < 0)
		return r;
	if (format)
		f = export_format_parse(format);
	if (f < 0)
		return err_set(err, -EINVAL, "format: %.64s is not known", format);
	p->format = (enum export_format)f;
	if (step && read_step(step, &p->step_ns) < 0)
		return err_set(err, -EINVAL,
			       "step: %.64s is not a duration such as 100ms, 10s or 5m", step);
	if (!(known & WEB_PARAM_BIT(SECONDS)))
		return 0;
	if (seconds && quantity_u64(seconds, 1, WEB_SECONDS_MAX, &n) < 0)
		return err_set(err, -EINVAL, "seconds: %.64s is not a number from 1 to %llu",
			       seconds, WEB_SECONDS_MAX);
	p->from_ns = before(now_ns, n * NS_PER_S);
	return 0;
}

void web_params_done(struct web_params *p)
{
	for (int i = 0; i < WEB_PARAM_COUNT; i++)
		if (i != WEB_PARAM_BY)
			free(p->value[i]);
	for (size_t i = 0; i < p->n_by; i++)
		free(p->by[i]);
	*p = (struct web_params){};
}
