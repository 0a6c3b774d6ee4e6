#include "testbench/model/rows/row_sweep.hpp"

#include <algorithm>

#include "model/rows/isa.hpp"

namespace bitloom::testing {
namespace {

/// Counts elements that differ without a branch, so that whole spaces take seconds.
template <class Word>
std::uint32_t count_wrong(const WantedRow& want, const std::vector<Word>& words, const std::vector<std::int16_t>& got,
                          std::uint64_t saturations) {
  std::uint32_t wrong = 0, clipped = 0;
  for (std::size_t i = 0; i < want.size(); ++i) {
    const bool up = words[i] < want.threshold[i];
    wrong += got[i] != (up ? want.above[i] : want.below[i]) ? 1u : 0u;
    clipped += up ? want.clipped_above[i] : want.clipped_below[i];
  }
  return wrong + (clipped != saturations ? 1u : 0u);
}

template <class Word>
void compare_words(const WantedRow& want, Words kind, const RunRow<Word>& run, std::uint64_t label,
                   Differences& differences) {
  constexpr std::int32_t kEnd = 1 << (8 * sizeof(Word));
  constexpr std::int32_t kStep = kEnd > 256 ? 16 : 1;
  const std::int32_t passes = kind == Words::kAll ? kEnd / kStep : 4;
  std::vector<Word> words(want.size());
  std::vector<std::int16_t> codes(want.size());
  for (std::int32_t pass = 0; pass < passes; ++pass) {
    for (std::size_t i = 0; i < words.size(); ++i) {
      if (kind == Words::kAll) {
        words[i] = static_cast<Word>(pass * kStep + static_cast<std::int32_t>(i % kStep));
        continue;
      }
      const std::int32_t decisive[] = {0, want.threshold[i] - 1, want.threshold[i], kEnd - 1};
      words[i] = static_cast<Word>(std::clamp(decisive[pass], 0, kEnd - 1));
    }
    for (const Kernels* table : supported_kernels()) {
      const std::uint64_t saturations = run(*table, words, codes);
      differences.add(count_wrong(want, words, codes, saturations) == 0, label, static_cast<std::uint64_t>(pass),
                      want.size());
    }
  }
}

}  // namespace

std::vector<const Kernels*> supported_kernels() {
  std::vector<const Kernels*> tables;
  for (const Isa isa : {Isa::kGeneric, Isa::kAvx2, Isa::kAvx512, Isa::kAvx512Popcnt}) {
    if (isa_supported(isa)) tables.push_back(&kernels(isa));
  }
  return tables;
}

void compare_row8(const WantedRow& want, Words words, const RunRow<std::uint8_t>& run, std::uint64_t label,
                  Differences& differences) {
  compare_words<std::uint8_t>(want, words, run, label, differences);
}

void compare_row16(const WantedRow& want, Words words, const RunRow<std::uint16_t>& run, std::uint64_t label,
                   Differences& differences) {
  compare_words<std::uint16_t>(want, words, run, label, differences);
}

void compare_row(const WantedRow& want,
                 const std::function<std::uint64_t(const Kernels&, std::vector<std::int16_t>&)>& run,
                 std::uint64_t label, Differences& differences) {
  WantedRow fixed = want;
  std::fill(fixed.threshold.begin(), fixed.threshold.end(), 0);
  const std::vector<std::uint8_t> words(want.size());
  std::vector<std::int16_t> codes(want.size());
  for (const Kernels* table : supported_kernels()) {
    const std::uint64_t saturations = run(*table, codes);
    differences.add(count_wrong(fixed, words, codes, saturations) == 0, label, 0, want.size());
  }
}

std::vector<std::int32_t> every_16_bit_value() {
  std::vector<std::int32_t> values(65536);
  for (std::int32_t i = 0; i < 65536; ++i) values[static_cast<std::size_t>(i)] = i - 32768;
  return values;
}

}  // namespace bitloom::testing
