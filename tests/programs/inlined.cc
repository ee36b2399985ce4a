/* C++ for the symbolizer: templates, lambdas, containers; compared with addr2line at every address. */
#include <algorithm>
#include <cstdio>
#include <map>
#include <string>
#include <vector>

namespace shop {
template <int N> struct counter {
	std::map<std::string, int> seen;
	int count(const std::vector<std::string> &words)
	{
		for (auto &word : words)
			seen[word] += N;
		return (int)seen.size();
	}
};
}

__attribute__((noinline)) int work(std::vector<std::string> &words)
{
	shop::counter<1> one;
	shop::counter<2> two;

	std::sort(words.begin(), words.end(),
		  [](auto &a, auto &b) { return a.size() < b.size(); });
	return one.count(words) * two.count(words);
}

int main(int argc, char **argv)
{
	std::vector<std::string> words(argv, argv + argc);

	std::printf("%d\n", work(words));
	return 0;
}
