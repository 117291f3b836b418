// The greeting by uWebSockets: main PORT WORKERS.
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "App.h"

namespace {

constexpr std::string_view TEXT = "text/plain; charset=utf-8";

std::string greeting(uWS::HttpRequest *request) {
    std::string text("Hello, visitor! You've requested: ");
    text.append(request->getUrl()).push_back('\n');
    return text;
}

// An app belongs to the event loop of the thread that makes it. All listen at the same port, with SO_REUSEPORT.
void serve(int port) {
    uWS::App app;
    app.any("/*", [](auto *response, auto *request) {
        response->writeHeader("Content-Type", TEXT)->end(greeting(request));
    });
    // It would send content to HEAD too.
    app.head("/*", [](auto *response, auto *request) {
        response->writeHeader("Content-Type", TEXT);
        response->writeHeader("Content-Length", greeting(request).size())->endWithoutBody();
    });
    app.listen("127.0.0.1", port, [port](auto *socket) {
        if (!socket) {
            std::fprintf(stderr, "cannot listen at port %d\n", port);
            std::exit(1);
        }
    });
    app.run();
}

}

int main(int, char **arguments) {
    int port = std::atoi(arguments[1]), workers = std::atoi(arguments[2]);
    std::vector<std::thread> others;
    for (int i = 1; i < workers; i++) others.emplace_back(serve, port);
    serve(port);
}
