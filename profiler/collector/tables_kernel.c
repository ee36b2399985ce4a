/* What tables ask of the kernel, passed on; see tables_kernel.h. */
#include "profiler/collector/tables_kernel.h"

static int map_chunk(void *ctx, uint32_t number, struct unwind_chunk **ret)
{
	return bpf_programs_map_chunk(ctx, number, ret);
}

static void unmap_chunks(void *ctx)
{
	bpf_programs_unmap_chunks(ctx);
}

static int tell(void *ctx, const struct abi_file_key *key, const struct abi_object_info *info)
{
	return bpf_programs_tell_object(ctx, key, info);
}

static void settle(void *ctx)
{
	bpf_programs_settle(ctx);
}

int tables_kernel_new(struct bpf_programs *programs, struct tables **ret)
{
	struct tables_kernel kernel = {
		.ctx = programs,
		.dictionary = bpf_programs_dictionary(programs),
		.map_chunk = map_chunk,
		.unmap_chunks = unmap_chunks,
		.tell = tell,
		.settle = settle,
	};

	return tables_new(&kernel, TABLES_BUDGET_BYTES, ret);
}
