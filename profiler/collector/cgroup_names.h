/*
 * What a cgroup path says: the container and its runtime, the pod, and the systemd unit, as
 * runtimes, Kubernetes and systemd lay them out. Pure.
 *
 * Paths are whatever their creator named them: they are names, never trusted.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define CGROUP_NAME_BYTES 256

/*
 * The container: the deepest component that is 64 hexadecimal digits, bare (runtimes on cgroupfs),
 * between a runtime's prefix and ".scope" (docker-, cri-containerd-, crio-, libpod-, nerdctl-) or
 * behind a slice and ":cri-containerd:"; or the name below /lxc/ or after lxc.payload. False where
 * there is none. *ret_runtime (may be NULL): docker, containerd, cri-o, podman, lxc, or "" where
 * the path does not tell.
 */
bool cgroup_container(const char *path, char ret[CGROUP_NAME_BYTES], const char **ret_runtime);

/*
 * The uid of the Kubernetes pod, with '-' as the API has it: behind "pod" in the deepest component
 * below kubepods. False where there is none.
 */
bool cgroup_pod(const char *path, char ret[CGROUP_NAME_BYTES]);

/*
 * The systemd unit: the deepest component that ends in .service or .scope. False where there is
 * none.
 */
bool cgroup_unit(const char *path, char ret[CGROUP_NAME_BYTES]);
