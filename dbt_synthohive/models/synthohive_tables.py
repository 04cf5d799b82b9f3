def model(dbt, session):
    from synthohive_py.dbt import model as engine

    schema = dbt.ref("synthohive_schema")
    return engine.write_twins(schema, dbt.ref("synthohive_models"), session, dbt.config.get("meta"))
