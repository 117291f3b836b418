"""The greeting as an RSGI application, served by Granian."""


async def app(scope, proto):
    greeting = f"Hello, visitor! You've requested: {scope.path}\n"
    proto.response_str(200, [('content-type', 'text/plain; charset=utf-8')], greeting)
