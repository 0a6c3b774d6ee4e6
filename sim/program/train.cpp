#include "sim/program/train.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <utility>

#include "kernels/program.hpp"
#include "model/data/data_file.hpp"
#include "model/io/error.hpp"
#include "model/io/interrupt.hpp"
#include "model/io/output_plan.hpp"
#include "model/network/step_config.hpp"
#include "model/rows/gemm.hpp"
#include "model/rows/onednn.hpp"
#include "model/train/content.hpp"
#include "model/train/training_memory.hpp"
#include "sim/program/program.hpp"

namespace bitloom::program {

double TrainRun::seconds() const {
  double sum = 0.0;
  for (const EpochResult& epoch : epochs) {
    sum += epoch.seconds;
  }
  return sum;
}

double TrainRun::samples_per_second() const {
  std::int64_t samples = 0;
  for (const EpochResult& epoch : epochs) {
    samples += epoch.samples;
  }
  return seconds() > 0.0 ? static_cast<double>(samples) / seconds() : 0.0;
}

std::unique_ptr<Trainer> make_trainer(const Workload& workload, const TrainOptions& options) {
  return naming_files(workload, nullptr, [&] {
    if (workload.recipe.fp32) {
      return make_fp32_trainer(workload.network, workload.hyper, options, workload.recipe.normalization);
    }
    return make_integer_trainer(workload.network, workload.recipe, workload.hyper, options);
  });
}

void require_training_memory(const Workload& workload, int batch, std::vector<MemoryPart> more) {
  naming_files(workload, nullptr, [&] {
    const std::vector<MemoryPart> training = training_memory(workload.network, workload.recipe, batch);
    more.insert(more.end(), training.begin(), training.end());
    require_memory(fmt::format("network {}: training", workload.network.name), std::move(more));
  });
}

TrainRun run_training(Trainer& trainer, const DataPair& data, const TrainOptions& options, const std::string& label,
                      bool progress, const AfterEpoch& after_epoch) {
  TrainRun run;
  ProgressLine line(progress);
  const Progress show = [&](const EpochResult& at, std::int64_t steps) {
    const double rate = at.seconds > 0.0 ? static_cast<double>(at.samples) / at.seconds : 0.0;
    line.show(fmt::format("{} epoch {}/{}, step {}/{}: loss {:.4f}, accuracy {}, {:.0f} samples/s", label, at.epoch + 1,
                          options.epochs, at.steps, steps, at.loss, percent(at.train_accuracy), rate));
  };
  while (trainer.epochs_done() < options.epochs) {
    const EpochResult epoch = trainer.run_epoch(data.train, trainer.epochs_done(), show);
    line.clear();
    if (!epoch.complete) {
      run.interrupted = true;
      return run;
    }
    run.epochs.push_back(epoch);
    if (after_epoch) {
      after_epoch(run);
    }
    if (interrupted()) {
      run.interrupted = true;
      return run;
    }
  }
  line.show(label + " testing");
  run.test = trainer.evaluate(data.test);
  run.finished = true;
  return run;
}

namespace {

/// Returns the differences that --resume-with allows.
ResumeDifferences allowed_differences(const std::string& words) {
  ResumeDifferences allowed;
  if (words.empty()) {
    return allowed;
  }
  for (std::size_t at = 0; at <= words.size();) {
    const std::size_t end = std::min(words.find(',', at), words.size());
    const std::string word = words.substr(at, end - at);
    std::string known;
    bool found = false;
    for (const ResumeDifference difference : all_differences()) {
      known += (known.empty() ? "" : ", ") + std::string(difference_name(difference));
      if (word == difference_name(difference)) {
        allowed.insert(difference);
        found = true;
      }
    }
    if (!found) {
      throw Error(fmt::format("--resume-with: expected some of {}, separated by commas, got '{}'", known, word));
    }
    at = end + 1;
  }
  return allowed;
}

std::string data_name(const TrainCommand& command) { return command.data.empty() ? "generated glyphs" : command.data; }

/// Adds who multiplies, which changes the speed and never a bit of an integer recipe.
void add_arithmetic(Json& json, const Recipe& recipe, int threads) {
  if (!recipe.fp32) {
    json["gemm"] = Gemm(threads).name();
    for (const GemmTrial& trial : choose_gemm_path().trials) {
      json["gemm_trials"].push_back({{"path", gemm_path_name(trial.path)}, {"seconds", trial.seconds}});
    }
  }
  json["onednn_isa"] = onednn_isa();
}

Json configuration(const TrainCommand& command, const Workload& workload, const TrainOptions& options,
                   const DataPair& data) {
  Json json = workload_json(workload);
  json["data"] = data_name(command);
  json["data_hash"] = content_hash(data.train);
  json["train_images"] = data.train.size();
  json["test_images"] = data.test.size();
  json["judged_on"] = command.hold_out > 0 ? "held-out training images" : "test images";
  json["epochs"] = options.epochs;
  json["batch"] = options.batch;
  json["seed"] = options.seed;
  json["threads"] = options.threads;
  add_arithmetic(json, workload.recipe, options.threads);
  if (!command.init.empty()) {
    json["init"] = command.init;
  }
  if (!command.resume.empty()) {
    json["resume"] = command.resume;
  }
  return json;
}

/// `test_accuracy` and `test_loss` are null until the run has finished: test images are looked at once.
Json train_report(const Json& configuration, const TrainRun& run, int epochs_done) {
  Json report = report_head("train", configuration);
  report["finished"] = run.finished;
  report["interrupted"] = run.interrupted;
  report["test_accuracy"] = run.finished ? Json(run.test.accuracy) : Json(nullptr);
  report["test_loss"] = run.finished ? Json(run.test.loss) : Json(nullptr);
  report["samples_per_second"] = run.samples_per_second();
  report["train_seconds"] = run.seconds();
  report["epochs_done"] = epochs_done;
  report["epochs"] = Json::array();
  for (const EpochResult& epoch : run.epochs) {
    Json row;
    row["epoch"] = epoch.epoch + 1;
    row["loss"] = epoch.loss;
    row["train_accuracy"] = epoch.train_accuracy;
    row["learning_rate"] = epoch.learning_rate;
    row["seconds"] = epoch.seconds;
    row["samples"] = epoch.samples;
    row["steps"] = epoch.steps;
    row["saturated_values"] = epoch.saturated;
    report["epochs"].push_back(row);
  }
  return report;
}

/// Output places are tried before the first epoch, not after the last.
void require_outputs(const TrainCommand& command, const Workload& workload) {
  OutputPlan plan;
  plan_inputs(plan, workload);
  plan.reads("--resume", command.resume, "--save");
  plan.reads("--init", command.init);
  plan.reads_folder("--data", command.data, is_image_file);
  plan.writes("--json", command.json);
  plan.writes("--save", command.save);
  plan.writes_dump("--dump", command.dump);
  if (!command.dump.empty()) require_dumpable_names(workload.network);
}

DataPair images_for(const TrainCommand& command, const Network& network) {
  if (command.hold_out == 0) {
    return load_images(network, command.data, command.seed, command.train_limit);
  }
  const DataPair all = load_images(network, command.data, command.seed);
  DataPair data = hold_out(all.train, command.hold_out);
  keep_first(data.train, command.train_limit);
  return data;
}

/// What the accelerator alone refuses is no error of training, but the next thing that a user learns from `run`.
void say_what_the_accelerator_refuses(const Workload& workload, int batch) {
  if (workload.recipe.fp32) return;
  const StepConfig config = step_config(workload.network, workload.recipe, workload.hyper, batch);
  const Hardware hardware = load_machine("base").hardware;
  const MicroBatch last{false, true};
  try {
    lower(workload.network, workload.recipe, hardware, lower_options(config, last));
  } catch (const Error& error) {
    fmt::print(stderr, "bitloom: trained on, but the accelerator ({}) would refuse: {}\n", hardware.name, error.what());
  }
}

void print_epoch(const EpochResult& epoch, int epochs) {
  fmt::print("epoch {}/{}: loss {:.4f}, train accuracy {}, {:.0f} samples/s, {:.1f} s\n", epoch.epoch + 1, epochs,
             epoch.loss, percent(epoch.train_accuracy), static_cast<double>(epoch.samples) / epoch.seconds,
             epoch.seconds);
  std::fflush(stdout);
}

int train(const TrainCommand& command) {
  const Workload workload = load_workload(command.network, command.recipe, command.hyper);
  TrainOptions options = train_options(workload.hyper);
  options.epochs = command.epochs > 0 ? command.epochs : options.epochs;
  options.batch = batch_of(workload, command.batch);
  options.seed = command.seed;
  options.threads = command.threads;
  require_outputs(command, workload);

  require_training_memory(workload, options.batch,
                          image_memory(workload.network, command.data, command.hold_out > 0 ? 0 : command.train_limit));
  const std::unique_ptr<Trainer> trainer = make_trainer(workload, options);
  if (!command.quiet) say_what_the_accelerator_refuses(workload, options.batch);
  std::vector<std::string> differences;
  if (!command.resume.empty()) {
    differences = trainer->resume(command.resume, allowed_differences(command.resume_with));
  } else if (!command.init.empty()) {
    trainer->init_from(command.init);
  }
  const DataPair data = images_for(command, workload.network);
  for (const std::string& difference : trainer->use_images(data.train)) {
    differences.push_back(difference);
  }
  if (!command.quiet) {
    for (const std::string& difference : differences) {
      fmt::print(stderr, "bitloom: {}: --resume-with: {}\n", command.resume, difference);
    }
  }
  Json config = configuration(command, workload, options, data);
  if (!command.resume.empty()) {
    config["resume_differences"] = differences;
  }
  const bool tables = prints_tables(command.json, command.quiet);
  if (tables) {
    fmt::print("{} {} on {}: {} training images, {} {}\n", workload.network.name, workload.recipe.name,
               data_name(command), data.train.size(), data.test.size(),
               command.hold_out > 0 ? "held-out ones" : "test images");
    std::fflush(stdout);
  }

  const auto keep = [&](const TrainRun& run) {
    if (!is_stream(command.save)) trainer->save(command.save);
    write_report(command.json == "-" || is_stream(command.json) ? "" : command.json,
                 train_report(config, run, trainer->epochs_done()));
    if (tables) {
      print_epoch(run.epochs.back(), options.epochs);
    }
  };
  const std::string label = fmt::format("{} {}", workload.network.name, workload.recipe.name);
  const TrainRun run = run_training(*trainer, data, options, label, !command.quiet, keep);
  // What cannot be written anew gets one document, now.
  if (!command.save.empty() && is_stream(command.save)) trainer->save(command.save);
  write_report(command.json, train_report(config, run, trainer->epochs_done()));
  if (run.interrupted) {
    fmt::print(stderr, "bitloom: {} complete epoch(s) of {} kept{}\n", trainer->epochs_done(), options.epochs,
               command.json.empty() && command.save.empty() ? " nowhere (no --json or --save)" : "");
    throw Interrupted{};
  }
  if (run.epochs.empty() && !command.save.empty()) {
    trainer->save(command.save);  // nothing was left to train, but what was asked for is there
  }
  if (!command.dump.empty()) {
    trainer->dump(command.dump);
  }
  if (tables) {
    fmt::print("{} {}, seed {}: {} accuracy {}, loss {:.4f}, {:.0f} samples/s on {} thread(s)\n", workload.network.name,
               workload.recipe.name, options.seed, command.hold_out > 0 ? "held-out" : "test",
               percent(run.test.accuracy), run.test.loss, run.samples_per_second(), options.threads);
  }
  return kOk;
}

}  // namespace

void add_train(CLI::App& app, Action& action) {
  const auto options = std::make_shared<TrainCommand>();
  CLI::App* sub = app.add_subcommand("train", "train a network and judge it by the test images");
  sub->add_option("NETWORK", options->network, "network: file or name (bitloom --help lists the names)")->required();
  sub->add_option("--recipe", options->recipe, "recipe: file or name")->capture_default_str();
  sub->add_option("--data", options->data,
                  "folder of the four IDX files of MNIST or Fashion-MNIST, or of CIFAR-10's data_batch_*.bin and\n"
                  "test_batch*.bin, each plain or gzip (default: generated glyphs)");
  sub->add_option("--hyper", options->hyper, "hyper-parameters: file or name")->capture_default_str();
  sub->add_option("--epochs", options->epochs, "epochs in all, those of --resume included (default: as --hyper says)")
      ->check(CLI::Range(1, 100000));
  sub->add_option("--batch", options->batch, "samples an optimizer step (default: as the network or --hyper says)")
      ->check(CLI::Range(1, 65535));
  sub->add_option("--seed", options->seed, "seed of parameters, shuffling and stochastic rounding")
      ->check(is_seed())
      ->capture_default_str();
  sub->add_option("--threads", options->threads, "threads; the results do not depend on them")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  sub->add_option("--hold-out", options->hold_out,
                  "judge by the last N training images, which are then not trained on, in place of the test images")
      ->check(CLI::Range(1, 100000000));
  sub->add_option("--train-limit", options->train_limit, "train on the first N training images only")
      ->check(CLI::Range(1, 100000000));
  sub->add_option("--json", options->json, "write the results as JSON, after each epoch (- for standard output)");
  sub->add_option("--save", options->save, "write a checkpoint after each epoch");
  CLI::Option* init = sub->add_option("--init", options->init, "start from the parameters of a checkpoint");
  CLI::Option* resume =
      sub->add_option("--resume", options->resume,
                      "continue a checkpoint of a run of the same content: network, recipe, hyper-parameters, seed,\n"
                      "batch, images and epochs (where the learning rate depends on them)")
          ->excludes(init);
  sub->add_option("--resume-with", options->resume_with,
                  "differences that --resume may take, separated by commas: epochs, hyper, data, numerics (of another\n"
                  "version of the program), unknown (a checkpoint that does not say)")
      ->needs(resume);
  sub->add_option("--dump", options->dump, "write parameters and optimizer state as .npy into this folder at the end");
  sub->add_flag("--quiet,-q", options->quiet, "print nothing but errors");
  sub->footer(
      "Examples: bitloom train lenet --recipe luq --epochs 1\n"
      "          bitloom train lenet_bn --recipe maqd --data fashion-mnist --seed 1 --json out.json\n"
      "          bitloom train resnet8 --recipe int8 --hyper cifar --data cifar-10 --train-limit 10000\n"
      "JSON: test_accuracy (fraction), test_loss, samples_per_second, train_seconds, epochs_done, epochs[]: epoch, "
      "loss,\n"
      "train_accuracy, learning_rate, seconds, samples, steps, saturated_values. Test images are looked at once, after "
      "the\n"
      "last epoch; until then test_accuracy is null. Ctrl-C keeps the last complete epoch in --json and --save.");
  sub->callback([options, &action] { action = [options] { return train(*options); }; });
}

}  // namespace bitloom::program
