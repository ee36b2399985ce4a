/*
 * What a cgroup path says: the container and the systemd unit, as runtimes and systemd lay them
 * out. Pure.
 *
 * Paths are whatever their creator named them: they are names, never trusted.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define CGROUP_NAME_BYTES 256

/*
 * The container id: the deepest component that is 64 hexadecimal digits, bare (docker, containerd,
 * LXC-less runtimes on cgroupfs) or between a runtime's prefix and ".scope" (docker-,
 * cri-containerd-, crio-, libpod-), or the name below /lxc/ or after lxc.payload. False where there
 * is none.
 */
bool cgroup_container(const char *path, char ret[CGROUP_NAME_BYTES]);

/*
 * The systemd unit: the deepest component that ends in .service or .scope. False where there is
 * none.
 */
bool cgroup_unit(const char *path, char ret[CGROUP_NAME_BYTES]);
